"""An output folder that appears whole or not at all.

Work is done in a folder beside it, `.OUT.*`: a claim, the new results, and for the time of the exchange the old ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlparity.core.claims import abandoned_work, work_beside
from mlparity.core.errors import FormatError, MlparityError, OutputError
from mlparity.record.files import read_record
from mlparity.record.tuning_file import read_compression_tuning, read_tuning
from mlparity.report.comparison import COMPARISON_FILES
from mlparity.report.files import report_names
from mlparity.report.node_data import NODE_DATA
from mlparity.targets.artifacts import artifact_sha256
from mlparity.targets.metadata import sidecar_of
from mlparity.verification.golden import XCTEST_FOLDER

_NEW, _OLD = "new", "old"
_RECORD, _TUNING, _COMPRESSION = "record.json", "tuning.json", "compression.json"

_SHOWN = 200


def real_path_of(out: str | Path) -> Path:
    """Return where `out` really is: results go into what a link leads to, and the link stays.

    Raises:
        OutputError: links that lead in a circle, or a name that no file can have.
    """
    path = Path(out).absolute()
    try:
        real = path.resolve() if path.is_symlink() else path
        is_circle = real.is_symlink()
    except (OSError, RuntimeError, ValueError) as error:
        raise _unwritable(path, error) from error
    if is_circle:
        raise _unwritable(path, OSError("a circle of links"))
    return real


@contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out`; when the block ends well it replaces `out`.

    An `out` that holds what an earlier run wrote, and nothing else, is replaced; any other non-empty folder
    is left alone. If the block raises, Ctrl-C included, nothing of it remains and an earlier result stays.
    What a killed process left beside `out` is removed, and earlier results that it had put aside come back.

    Raises:
        OutputError: `out` holds something else, or cannot be written, or the disk is full.
    """
    try:
        _check_free(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        clean_up(out)
        _check_free(out)
        with work_beside(out) as work:
            (work / _NEW).mkdir()
            yield work / _NEW
            _put_in_place(work, out)
    except OSError as error:
        raise _unwritable(out, error) from error


def clean_up(out: Path) -> None:
    """Remove what a killed process left beside `out`, and put back the results that it had put aside."""
    for work in abandoned_work(out):
        if not out.exists() and (work / _OLD).is_dir():
            (work / _OLD).rename(out)
        shutil.rmtree(work, ignore_errors=True)


def _check_free(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise _taken(out, "a file")
    entries = {entry.name for entry in out.iterdir()}
    if not entries:
        return
    strange = sorted(entries - _ours(out, entries))
    if strange:
        raise _taken(out, ", ".join(strange))


def _ours(out: Path, entries: set[str]) -> set[str]:
    """Return the names that an earlier run wrote, as its own record or tuning lists them."""
    names = set[str]()
    try:
        if _RECORD in entries:
            artifacts = read_record(out / _RECORD).artifacts
            names |= {_RECORD, *report_names(), NODE_DATA, XCTEST_FOLDER}
            for artifact in artifacts:
                _check_same(out / artifact.path, artifact.sha256)
                names |= {artifact.path, sidecar_of(Path(artifact.path)).name}
        if COMPARISON_FILES[0] in entries:
            names |= set(COMPARISON_FILES)
        if _TUNING in entries:
            tuning = read_tuning(out / _TUNING)
            _check_same(out / tuning.package, tuning.sha256)
            names |= {_TUNING, "op_selector.py", tuning.package}
        if _COMPRESSION in entries:
            small = read_compression_tuning(out / _COMPRESSION)
            for path, sha256 in ((small.package, small.sha256), (small.base, small.base_sha256)):
                if path:
                    _check_same(out / path, sha256)
            names |= {_COMPRESSION, "compress.py", "compression.html", small.package, small.base}
    except MlparityError as error:
        raise _taken(out, str(error)) from error
    return names


def _check_same(path: Path, sha256: str) -> None:
    if path.exists() and artifact_sha256(path) != sha256:
        raise FormatError(f"{path.name} is not what the folder's own record or tuning describes", where=str(path))


def _put_in_place(work: Path, out: Path) -> None:
    new, old = work / _NEW, work / _OLD
    new.chmod(0o755)
    _check_free(out)  # again: somebody may have put a file there meanwhile
    if not out.exists():
        new.rename(out)
        return
    try:
        out.rename(old)
        new.rename(out)
    except BaseException:  # Ctrl-C too: the earlier results come back, and are never deleted before the new ones stand
        if not out.exists() and old.exists():
            old.rename(out)
        raise


def _taken(out: Path, found: str) -> OutputError:
    return OutputError(
        "the output folder holds something else",
        where=str(out),
        found=found[:_SHOWN],
        expected="a new or empty folder, or one that mlparity wrote",
        next_step="choose another --out",
    )


def _unwritable(out: Path, error: Exception) -> OutputError:
    return OutputError(
        "the results could not be written",
        where=str(out),
        found=str(error),
        expected="a writable folder with enough free space",
        next_step="free some space, or choose another --out; nothing was left behind",
    )
