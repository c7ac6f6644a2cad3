"""Runs mutated packages in a process of its own, each within 10 s of its processor and 2 GiB more memory than at first.

Usage: mutation_worker.py PACKAGE FOLDER COUNT FEATURES, the last a file of arrays by name. Prints how many ran and how
many were refused; anything else than a result or a typed error ends it with a traceback, a signal or the alarm.
"""

from __future__ import annotations

import random
import resource
import shutil
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mlparity.core.errors import MlparityError
from mlparity.engine.mil.spec import proto
from mlparity.engine.runtime.model import Model, load_model

SPEC = Path("Data/com.apple.CoreML/model.mlmodel")
WEIGHTS = Path("Data/com.apple.CoreML/weights/weight.bin")
SECONDS = 10
BYTES = 2 << 30
NUMBERS = (0, 1, -1, 2, 3, 7, 255, 65_536, 2**31 - 1, -(2**31), 2**40, 2**62)


def flip_bytes(data: bytearray, source: random.Random) -> bytearray:
    for _ in range(source.randint(1, 8)):
        data[source.randrange(len(data))] = source.randrange(256)
    return data


def truncate(data: bytearray, source: random.Random) -> bytearray:
    return data[: source.randrange(len(data))]


def cut_out(data: bytearray, source: random.Random) -> bytearray:
    start = source.randrange(len(data))
    return data[:start] + data[start + source.randint(1, 64) :]


def repeat(data: bytearray, source: random.Random) -> bytearray:
    start = source.randrange(len(data))
    return data[:start] + data[start : start + source.randint(1, 256)] * 2 + data[start:]


BYTE_MUTATIONS = (flip_bytes, truncate, cut_out, repeat)


def fields(message: object) -> list[tuple[object, object]]:
    """Return every (message, field) in the tree that holds a number or a text."""
    found, stack = [], [message]
    while stack:
        current = stack.pop()
        for field, value in current.ListFields():
            if field.message_type is None:
                found.append((current, field))
            elif field.message_type.GetOptions().map_entry:
                stack.extend(each for each in value.values() if hasattr(each, "ListFields"))
            else:
                stack.extend(value if field.is_repeated else [value])
    return found


def mutate_field(message: object, source: random.Random) -> None:
    """Replace one number, name or text of the spec by another."""
    owner, field = source.choice(fields(message))
    values = getattr(owner, field.name)
    names = [getattr(each, other.name) for each, other in fields(message) if other.type == other.TYPE_STRING]
    texts = [each for each in names if isinstance(each, str)]
    replacement = {
        field.TYPE_STRING: lambda: source.choice([*texts, "", "conv", "pad", "tile", "fill"]),
        field.TYPE_BYTES: lambda: bytes(source.randrange(256) for _ in range(source.randint(0, 16))),
        field.TYPE_BOOL: lambda: source.random() < 0.5,
        field.TYPE_FLOAT: lambda: source.choice([0.0, -1.0, 1e30, float("inf"), float("nan")]),
        field.TYPE_DOUBLE: lambda: source.choice([0.0, -1.0, 1e300, float("inf"), float("nan")]),
    }.get(field.type, lambda: source.choice(NUMBERS))()
    try:
        if field.is_repeated:
            values[source.randrange(len(values))] = replacement
        else:
            setattr(owner, field.name, replacement)
    except (ValueError, TypeError, OverflowError):
        return  # the number does not fit the field: protobuf itself refuses to write it


def mutate_spec(path: Path, source: random.Random) -> None:
    message = proto("Model").Model()
    message.ParseFromString((path / SPEC).read_bytes())
    for _ in range(source.randint(1, 3)):
        mutate_field(message, source)
    (path / SPEC).write_bytes(message.SerializeToString())


def mutate_bytes(part: Path) -> Callable[[Path, random.Random], None]:
    def mutate(path: Path, source: random.Random) -> None:
        data = bytearray((path / part).read_bytes())
        (path / part).write_bytes(source.choice(BYTE_MUTATIONS)(data, source))

    return mutate


MUTATIONS = (mutate_spec, mutate_spec, mutate_bytes(SPEC), mutate_bytes(WEIGHTS), mutate_bytes(Path("Manifest.json")))


def attempt(path: Path, features: dict[str, object]) -> bool:
    """Return whether the package ran; a typed error is the other good end."""
    try:
        model = load_model(path)
        has_state = isinstance(model, Model) and bool(model.plan.states)
        model.predict(features, model.make_state() if has_state else None)
    except MlparityError:
        return False
    return True


def ring(*_: object) -> None:
    raise TimeoutError(f"a package took more than {SECONDS} s")


def main() -> None:
    package, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    features = dict(np.load(sys.argv[4]))
    assert attempt(package, features)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
    signal.signal(signal.SIGPROF, ring)
    ran = 0
    for number in range(count):
        source = random.Random(number)
        path = folder / package.name
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(package, path)
        source.choice(MUTATIONS)(path, source)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(10 * SECONDS)  # one that waits for ever uses no processor
        try:
            ran += attempt(path, features)
        except BaseException:
            sys.stderr.write(f"mutation {number}\n")
            raise
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    sys.stdout.write(f"{ran} {count - ran}\n")


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
