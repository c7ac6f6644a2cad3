"""Outputs saved for another machine: an `.npz` of `SAMPLE/OUTPUT` arrays and a header that tells their origin."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from mlparity.core.claims import abandoned_work, work_beside
from mlparity.core.errors import FormatError, OutputError
from mlparity.core.regular_files import check_regular, open_regular
from mlparity.core.saved_keys import key_of
from mlparity.core.session import OUTPUTS_HEADER, Outputs
from mlparity.core.words import Provenance

OUTPUTS_VERSION = 1


@dataclass(frozen=True, slots=True)
class OutputsHeader:
    """What produced saved outputs: the artifact by its hash, the setting, the runtime, the machine and the samples.

    `seconds` has the wall time of each prediction in order, the first ones colder than the rest. `created` is an ISO
    8601 time in UTC.
    """

    artifact_sha256: str
    setting: str
    provenance: Provenance
    runtime: str
    platform: str
    samples_sha256: str
    created: str
    mlparity_version: str
    seconds: tuple[float, ...] = ()
    version: int = OUTPUTS_VERSION

    @property
    def origin(self) -> str:
        """What ran, where and when, as one line."""
        return f"{self.runtime} on {self.platform}, {self.created}"


_HEADER_NAME = f"{OUTPUTS_HEADER}.npy"
_HEADER_TYPE = TypeAdapter(OutputsHeader)


class OutputsWriter:
    """Adds the outputs of one sample at a time; memory does not grow with their number."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Write into an open archive."""
        self._archive = archive

    def add(self, sample: str, outputs: Outputs) -> None:
        """Store each output of a sample under `SAMPLE/OUTPUT` (see `core.saved_keys`)."""
        for name, array in outputs.items():
            with self._archive.open(f"{key_of(sample, name)}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)  # type: ignore[no-untyped-call]

    def close_with(self, header: OutputsHeader) -> None:
        """Store the header, which ends the file."""
        text = json.dumps(asdict(header), allow_nan=False).encode()
        with self._archive.open(_HEADER_NAME, "w") as file:
            np.lib.format.write_array(file, np.frombuffer(text, np.uint8))  # type: ignore[no-untyped-call]


@contextmanager
def writing_outputs(path: Path) -> Iterator[OutputsWriter]:
    """Yield a writer of the file at `path`, which appears whole when the block ends well, or not at all.

    A file that is there is replaced. A link stays, and its target is written. What a killed process left beside the
    file is removed.

    Raises:
        OutputError: the file cannot be written, or there is something else than a file.
    """
    try:
        target = path.resolve() if path.is_symlink() else path
        _check_ordinary(target)
        for work in abandoned_work(target):
            shutil.rmtree(work, ignore_errors=True)
        with work_beside(target) as work:
            with zipfile.ZipFile(work / "new", "w") as archive:
                yield OutputsWriter(archive)
            (work / "new").replace(target)
    except (OSError, RuntimeError) as error:
        raise OutputError("the outputs could not be written", where=str(path), found=str(error)) from error


def _check_ordinary(path: Path) -> None:
    if path.is_symlink():
        raise OSError("a circle of links")
    if path.exists():
        check_regular(path)


def read_header(path: Path) -> OutputsHeader:
    """Return the header of saved outputs.

    Raises:
        FormatError: the file cannot be read, has no header, or one of a newer version.
    """
    try:
        with open_regular(path) as whole, zipfile.ZipFile(whole) as archive, archive.open(_HEADER_NAME) as file:
            array = np.lib.format.read_array(file, allow_pickle=False)  # type: ignore[no-untyped-call]
        fields = json.loads(array.tobytes())
    except KeyError as error:
        raise _wrong(path, "no entry mlparity.json, which says of which artifact and which samples they are") from error
    except Exception as error:  # numpy, zipfile and zlib raise any type of what is damaged
        raise _wrong(path, f"{type(error).__name__}: {error}") from error
    version = fields.get("version") if isinstance(fields, dict) else None
    if isinstance(version, int) and version > OUTPUTS_VERSION:
        raise FormatError(
            "the saved outputs are newer than this mlparity",
            where=str(path),
            found=f"version {version}",
            expected=f"at most {OUTPUTS_VERSION}",
            next_step="upgrade mlparity: `pip install --upgrade mlparity`",
        )
    try:
        return _HEADER_TYPE.validate_python(fields)
    except ValidationError as error:
        raise _wrong(path, str(error.errors()[0]["msg"])) from error


def _wrong(path: Path, found: str) -> FormatError:
    return FormatError(
        "no outputs of a device",
        where=str(path),
        found=found,
        expected="an .npz file as `mlparity run`, or the test that --xctest writes, makes it",
        next_step="make it so on the device; outputs that another program saved: mlparity compare HERE.npz FILE.npz",
    )
