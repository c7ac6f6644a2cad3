"""Runs mutated packages in a process of its own, each within 10 s of its processor and 2 GiB more memory than at first.

Usage: mutation_worker.py PACKAGE FOLDER COUNT FEATURES, the last a file of arrays by name. Each package runs with its
optimised steps and with the plain ones, and both must be refused or give the same: see `agreement`. Prints how many
ran, how many were refused, a digest of all mutated packages, the slowest one's number and seconds, and how many
results beside each other were equal to the bit. Anything else than a result or a typed error ends it, with a traceback
and the number of the mutation, which is the same in every run.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import math
import os
import random
import resource
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlparity.core.errors import MlparityError
from mlparity.engine.mil.spec import proto
from mlparity.engine.numerics import TYPED
from mlparity.engine.reading import read_stages
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.model import Model
from tests.engine.runtime.agreement import agree

MANIFEST = Path("Manifest.json")
SPEC = Path("Data/com.apple.CoreML/model.mlmodel")
WEIGHTS = Path("Data/com.apple.CoreML/weights/weight.bin")
SECONDS = 10
BYTES = 2 << 30
SPECIAL = (math.nan, math.inf, -math.inf, 0.0, -0.0, 65504.0, -65504.0, 2.0**-24)
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


Message = Any
"""A message, or the descriptor of a field: protobuf has no types of its own."""

BYTE_MUTATIONS = (flip_bytes, truncate, cut_out, repeat)


def fields(message: Message) -> list[tuple[Message, Message]]:
    """Return every (message, field) in the tree that holds a number or a text."""
    found, stack = [], [message]
    while stack:
        current = stack.pop()
        for field, value in current.ListFields():
            if field.message_type is None:
                found.append((current, field))
            elif field.message_type.GetOptions().map_entry:
                ordered = [value[key] for key in sorted(value)]  # a map's own order differs between processes
                stack.extend(each for each in ordered if hasattr(each, "ListFields"))
            else:
                stack.extend(value if field.is_repeated else [value])
    return found


def mutate_field(message: Message, source: random.Random) -> None:
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
    (path / SPEC).write_bytes(message.SerializeToString(deterministic=True))


def mutate_bytes(part: Path) -> Callable[[Path, random.Random], None]:
    def mutate(path: Path, source: random.Random) -> None:
        data = bytearray((path / part).read_bytes())
        (path / part).write_bytes(source.choice(BYTE_MUTATIONS)(data, source))

    return mutate


def mutate_weights(path: Path, source: random.Random) -> None:
    """Write special numbers of fp16 over some places of the weights."""
    data = bytearray((path / WEIGHTS).read_bytes())
    for _ in range(source.randint(1, 8)):
        place = 2 * source.randrange(len(data) // 2)
        data[place : place + 2] = np.float16(source.choice(SPECIAL)).tobytes()
    (path / WEIGHTS).write_bytes(data)


MUTATIONS = (
    *(mutate_spec, mutate_spec, mutate_bytes(SPEC), mutate_bytes(WEIGHTS), mutate_bytes(MANIFEST)),
    *(mutate_weights, mutate_weights),
)


def make_reproducible(path: Path) -> None:
    """Write the package as every process writes it: maps in order, and identifiers that are not drawn."""
    message = proto("Model").Model()
    message.ParseFromString((path / SPEC).read_bytes())
    (path / SPEC).write_bytes(message.SerializeToString(deterministic=True))
    manifest = json.loads((path / MANIFEST).read_text())
    entries = sorted(manifest["itemInfoEntries"].items(), key=lambda entry: entry[1]["path"])
    names = {key: f"{place:08}-0000-0000-0000-000000000000" for place, (key, _) in enumerate(entries)}
    manifest["itemInfoEntries"] = {names[key]: entry for key, entry in entries}
    manifest["rootModelIdentifier"] = names[manifest["rootModelIdentifier"]]
    (path / MANIFEST).write_text(json.dumps(manifest, indent=4, sort_keys=True))


class OutOfBoundsError(BaseException):
    """A limit was passed; no `except Exception` of the engine can take it for a refusal of its own."""


class Fence:
    """While it is closed, no file may be opened but the package's, and for reading those of the installation."""

    def __init__(self, package: Path) -> None:
        self.package, self.is_closed = package.resolve(), False
        roots = [Path(each).resolve() for each in (sys.prefix, sys.base_prefix, *sys.path) if each]
        self.installed = [each for each in roots if not self.package.is_relative_to(each)]
        sys.addaudithook(self.audit)

    def audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.is_closed or event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        path, writes = Path(os.fsdecode(arguments[0])).resolve(), set(str(arguments[1])) & set("wax+")
        is_read = not writes and any(path.is_relative_to(each) for each in self.installed)
        if not path.is_relative_to(self.package) and not is_read:
            raise OutOfBoundsError(f"{path} was opened, which is outside the package")


Results = dict[str, object]


def attempt(path: Path, features: Mapping[str, object], *, kernels: bool) -> Results | None:
    """Return the results of the package, with optimised steps or with plain ones; None for a typed error."""
    try:
        (stage,), _ = read_stages(path)
        model = Model(bind(stage, TYPED, kernels=kernels))
        return model.predict(features, model.make_state() if model.plan.states else None)
    except MlparityError:
        return None


def both(path: Path, features: Mapping[str, object]) -> tuple[Results | None, bool]:
    """Return the package's results, None where it is refused, and whether both ways give the same bits.

    Raises:
        AssertionError: one way is refused and the other not, or they differ by more than `agreement` allows.
    """
    fast, plain = (attempt(path, features, kernels=kernels) for kernels in (True, False))
    if fast is None or plain is None:
        refused = [way for way, found in (("optimised", fast), ("plain", plain)) if found is None]
        assert len(refused) == 2, f"only the {refused[0]} steps are refused"
        return None, True
    return fast, agree(plain, fast)


def with_specials(features: Mapping[str, object], source: random.Random) -> Mapping[str, object]:
    """Return the features, in half of the cases with special values among their numbers."""
    if source.random() < 0.5:
        return features
    changed = {name: np.array(each) for name, each in features.items()}
    for each in changed.values():
        for _ in range(source.randint(1, 6)):
            each.flat[source.randrange(each.size)] = source.choice(SPECIAL)
    return changed


def ring(*_: object) -> None:
    raise OutOfBoundsError(f"a package took more than {SECONDS} s of processor")


def limit_memory() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))


def digest_of(path: Path) -> bytes:
    return b"".join(hashlib.sha256((path / part).read_bytes()).digest() for part in (SPEC, WEIGHTS, MANIFEST))


@dataclass(frozen=True, slots=True)
class End:
    """How a mutation ended: whether it ran, whether both ways gave the same bits, and the seconds of processor."""

    ran: bool
    is_equal: bool
    seconds: float


def timed(path: Path, features: Mapping[str, object], fence: Fence) -> End:
    """Return how the package ended."""
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)  # it runs twice
    faulthandler.dump_traceback_later(20 * SECONDS, exit=True)  # one that waits for ever uses no processor
    fence.is_closed = True
    try:
        results, is_equal = both(path, features)
    finally:
        fence.is_closed = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()
    return End(results is not None, is_equal, time.process_time() - started)


def main() -> None:
    package, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    features, path = dict(np.load(sys.argv[4])), folder / package.name
    make_reproducible(package)
    assert both(package, features)[0] is not None
    limit_memory()
    signal.signal(signal.SIGPROF, ring)
    faulthandler.enable()
    fence, digest, ends = Fence(path), hashlib.sha256(), []
    for number in range(count):
        source = random.Random(number)
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(package, path)
        source.choice(MUTATIONS)(path, source)
        digest.update(digest_of(path))
        try:
            ends.append(timed(path, with_specials(features, source), fence))
        except BaseException:
            sys.stderr.write(f"mutation {number} of {package.name}\n")
            raise
    ran, equal = sum(each.ran for each in ends), sum(each.ran and each.is_equal for each in ends)
    slowest, seconds = max(enumerate(each.seconds for each in ends), key=lambda each: each[1])
    sys.stdout.write(f"{ran} {count - ran} {digest.hexdigest()} {slowest} {seconds:.1f} {equal}\n")


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
