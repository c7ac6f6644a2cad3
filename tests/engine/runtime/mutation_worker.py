"""Runs mutated packages in a process of its own, each within 10 s of its processor and 2 GiB more memory than at first.

Usage: mutation_worker.py PACKAGE FOLDER COUNT FEATURES, the last a file of arrays by name. Prints how many ran, how
many were refused, a digest of all mutated packages, and the slowest one's number and seconds. Anything else than a
result or a typed error ends it, with a traceback and the number of the mutation, which is the same in every run.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mlparity.core.errors import MlparityError
from mlparity.engine.mil.spec import proto
from mlparity.engine.runtime.model import Model, load_model

MANIFEST = Path("Manifest.json")
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
                ordered = [value[key] for key in sorted(value)]  # a map's own order differs between processes
                stack.extend(each for each in ordered if hasattr(each, "ListFields"))
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
    (path / SPEC).write_bytes(message.SerializeToString(deterministic=True))


def mutate_bytes(part: Path) -> Callable[[Path, random.Random], None]:
    def mutate(path: Path, source: random.Random) -> None:
        data = bytearray((path / part).read_bytes())
        (path / part).write_bytes(source.choice(BYTE_MUTATIONS)(data, source))

    return mutate


MUTATIONS = (mutate_spec, mutate_spec, mutate_bytes(SPEC), mutate_bytes(WEIGHTS), mutate_bytes(MANIFEST))


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
    raise OutOfBoundsError(f"a package took more than {SECONDS} s of processor")


def limit_memory() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))


def digest_of(path: Path) -> bytes:
    return b"".join(hashlib.sha256((path / part).read_bytes()).digest() for part in (SPEC, WEIGHTS, MANIFEST))


def timed(path: Path, features: dict[str, object], fence: Fence) -> tuple[bool, float]:
    """Return whether the package ran, and the seconds of processor that it took."""
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    faulthandler.dump_traceback_later(10 * SECONDS, exit=True)  # one that waits for ever uses no processor
    fence.is_closed = True
    try:
        ran = attempt(path, features)
    finally:
        fence.is_closed = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()
    return ran, time.process_time() - started


def main() -> None:
    package, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    features, path = dict(np.load(sys.argv[4])), folder / package.name
    make_reproducible(package)
    assert attempt(package, features)
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
            ends.append(timed(path, features, fence))
        except BaseException:
            sys.stderr.write(f"mutation {number} of {package.name}\n")
            raise
    ran = sum(each for each, _ in ends)
    slowest, seconds = max(enumerate(spent for _, spent in ends), key=lambda each: each[1])
    sys.stdout.write(f"{ran} {count - ran} {digest.hexdigest()} {slowest} {seconds:.1f}\n")


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
