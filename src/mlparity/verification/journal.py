"""A long verification written down as it goes, so that the same call goes on where an earlier one was stopped.

The folder `OUT.resume` beside the output appears only once comparing has taken a while; it holds the artifacts and
`checkpoint.json`, and is removed at the end.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import cast

from pydantic import TypeAdapter

from mlparity import __version__
from mlparity.core.errors import MlparityError, OutputError
from mlparity.core.linking import link
from mlparity.core.regular_files import MEDIUM, read_regular
from mlparity.core.session import Outputs, Sample, SampleSet
from mlparity.core.source import Source
from mlparity.core.writing import write_whole
from mlparity.record.text import plain
from mlparity.samples.digest import RunningDigest, sample_sha256
from mlparity.targets.artifacts import artifact_sha256, kind_of
from mlparity.verification.artifacts import Made
from mlparity.verification.checkpoint import CHECKPOINT_VERSION, Checkpoint, fits, restore, state_of
from mlparity.verification.job import References
from mlparity.verification.options import VerifyOptions
from mlparity.verification.runs import Runs
from mlparity.verification.stored import Stored

NAMES_KEPT = 1000
"""How many names of samples a record lists."""

_FILE = "checkpoint.json"
_TYPE = TypeAdapter(Checkpoint)


class Seen:
    """The samples that were counted so far: their number, their digest and the first of their names.

    `notes` say where they were run, if that is worth a note.
    """

    def __init__(self) -> None:
        """Start with none."""
        self.done = 0
        self.names: list[str] = []
        self.notes: tuple[str, ...] = ()
        self._digest = RunningDigest()

    @property
    def sha256(self) -> str:
        """The digest of the samples so far."""
        return self._digest.hexdigest()

    def add(self, name: str, sample: Sample) -> None:
        """Count one sample more."""
        self.count(name, sample_sha256(sample))

    def count(self, name: str, sha256: str) -> None:
        """Count one sample more, whose digest is known."""
        self.done += 1
        self._digest.add_sha256(name, sha256)
        if len(self.names) < NAMES_KEPT:
            self.names.append(name)


class Journal:
    """The checkpoints of one verification; `key` stands for everything but the samples that decides what is counted."""

    def __init__(self, out: Path, key: str, options: VerifyOptions, stage: Path) -> None:
        """Read the checkpoint that an earlier call of this key left, unless `options.resume` is off.

        Raises:
            OutputError: the folder beside `out` is somebody else's.
        """
        self.folder = out.with_name(f"{out.name}.resume")
        here = Path.cwd()
        self._shown = self.folder.relative_to(here) if self.folder.is_relative_to(here) else self.folder
        self._key, self._stage, self._every_s = key, stage, options.checkpoint_s
        self._made = Made(())
        self._last = time.monotonic()
        if self.folder.exists() and not (self.folder / _FILE).is_file():
            raise OutputError(
                "the folder for resuming holds something else",
                where=str(self.folder),
                expected=f"a folder with {_FILE}, or none",
                next_step="move it away, or choose another --out",
            )
        self._found = _read(self.folder, key) if options.resume else None
        self._is_ours = self._found is not None

    @property
    def exists(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return (self.folder / _FILE).exists()

    def put_artifacts(self) -> Made | None:
        """Put the checkpoint's artifacts into the stage and return them; None where they have to be converted."""
        found = self._found
        if found is None:
            return None
        for artifact in found.artifacts:
            link(self.folder / artifact.path, self._stage / artifact.path)
        return Made(found.artifacts, {Stored(*stored[:-1]): stored[-1] for stored in found.failures})

    def begin(self, made: Made) -> None:
        """Count the time to the first checkpoint from here on; `made` is what the runs are of."""
        self._made, self._last = made, time.monotonic()

    def resume(
        self, runs: Runs, references: References, samples: SampleSet
    ) -> tuple[Iterator[tuple[str, Sample]], Seen]:
        """Let the runs go on from the checkpoint; return the samples that are left, and those that were counted.

        A checkpoint of other samples or other runs is not used.
        """
        found, stream, seen = self._found, iter(samples), Seen()
        if found is None or not fits(runs, found.runs) or found.done > len(samples):
            return stream, seen
        for _ in range(found.done):
            seen.add(*next(stream))
        if seen.sha256 != found.samples_sha256:
            return iter(samples), Seen()
        restore(runs, references, found.runs, samples)
        return stream, seen

    def keep(self, runs: Runs, references: References, seen: Seen) -> None:
        """Write a checkpoint if the last one is old enough; to be called between two samples.

        Raises:
            OutputError: it cannot be written.
        """
        if time.monotonic() - self._last < self._every_s:
            return
        failures = tuple((*kind, why) for kind, why in self._made.failures.items())
        checkpoint = Checkpoint(
            key=self._key,
            done=seen.done,
            samples_sha256=seen.sha256,
            names=tuple(seen.names),
            runs=state_of(runs, references),
            artifacts=self._made.artifacts,
            failures=failures,
        )
        self._write(_text_of(checkpoint).encode())
        self._last = time.monotonic()

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Let an interruption of the block say how to go on.

        Raises:
            KeyboardInterrupt: the block was interrupted; it has a text where there is a checkpoint.
        """
        try:
            yield
        except KeyboardInterrupt:
            if not (self._is_ours and self.exists):
                raise
            raise KeyboardInterrupt(
                f"the same command goes on from the last checkpoint, {self._shown}; --no-resume starts over"
            ) from None

    def remove(self) -> None:
        """Delete the folder: the verification is complete, or starts over."""
        if self.exists:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, data: bytes) -> None:
        if not self._is_ours:
            self.remove()
        self._is_ours = True
        if self.exists:
            write_whole(self.folder / _FILE, data)
            return
        # Whole or not at all: a folder without a checkpoint would be taken for somebody else's.
        try:
            beside = Path(tempfile.mkdtemp(dir=self._stage.parent))  # which is removed, should this process be killed
            try:
                for artifact in self._made.artifacts:
                    link(self._stage / artifact.path, beside / artifact.path)
                (beside / _FILE).write_bytes(data)
                beside.chmod(0o755)
                beside.rename(self.folder)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
        except OSError as error:
            raise OutputError(
                "the checkpoint could not be written",
                where=str(self.folder),
                found=str(error),
                next_step="free some space, or choose another --out",
            ) from error


def key_of(
    source: Source, options: VerifyOptions, counted: object, first: Sample, expected: Outputs, environment: object
) -> str:
    """Return the hash of everything but the samples that decides what is counted.

    `expected` are the source's outputs for the first sample: they tell a changed `forward` with the same weights.
    `counted` are the tasks and metrics; limits decide nothing before the end and may be others when it goes on.

    Raises:
        FormatError: a given artifact is not there or cannot be read.
    """
    same = replace(
        options,
        resume=True,
        checkpoint_s=0.0,
        open_bytes=0,
        cache=True,
        consistency_first=False,
        trust=False,
        fix=False,
        ray=None,
        artifacts=(),
        taken={},
    )
    given = [(path.name, kind_of(path), artifact_sha256(path)) for path in options.artifacts]
    outputs = sample_sha256(expected)
    parts = (__version__, environment, source.name, source.location, source.sha256, same, given, counted)
    text = json.dumps(plain([*parts, sample_sha256(first), outputs]), sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()


def _read(folder: Path, key: str) -> Checkpoint | None:
    """Return the checkpoint in a folder, None where it is of another verification or version, or not whole."""
    try:
        found = _checkpoint_from(read_regular(folder / _FILE, limit=MEDIUM))
        if (found.key, found.version) != (key, CHECKPOINT_VERSION):
            return None
        is_whole = all(artifact_sha256(folder / artifact.path) == artifact.sha256 for artifact in found.artifacts)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, MlparityError):
        return None
    return found if is_whole else None


def _text_of(checkpoint: Checkpoint) -> str:
    """Return a checkpoint as JSON with its own digest, by which one that was changed by hand is known."""
    content = cast("dict[str, object]", plain(checkpoint))
    return json.dumps({"sha256": _digest_of(content), **content}, allow_nan=False)


def _checkpoint_from(data: bytes) -> Checkpoint:
    content = json.loads(data)
    if content.pop("sha256") != _digest_of(content):
        raise ValueError("the checkpoint is not as it was written")
    return _TYPE.validate_python(content)


def _digest_of(content: object) -> str:
    return sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()
