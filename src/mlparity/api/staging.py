"""An output folder that appears whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlparity.core.errors import OutputError
from mlparity.report.files import REPORT_NAMES

_MARKS = frozenset({"record.json", "tuning.json"})
_NAMES = frozenset({*_MARKS, "op_selector.py", *REPORT_NAMES})
_SUFFIXES = (".mlpackage", ".tflite", ".onnx", ".aimodel", ".mlparity.json")
"""What a verification or a tuning writes; a folder with anything beside it is somebody's, and is left alone."""

_SHOWN = 200


@contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out`; when the block ends well it takes the place of `out`.

    An `out` that holds what an earlier run wrote, and nothing else, is replaced; any other non-empty folder
    is left alone. If the block raises, Ctrl-C included, nothing of it remains and an earlier result stays.

    Raises:
        OutputError: `out` holds something else, or cannot be written, or the disk is full.
    """
    try:
        _check_free(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        yield stage
        _take_place(stage, out)
    except OSError as error:
        raise _unwritable(out, error) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _check_free(out: Path) -> None:
    entries = sorted(each.name for each in out.iterdir()) if out.is_dir() else []
    strange = [name for name in entries if name not in _NAMES and not name.endswith(_SUFFIXES)]
    if out.exists() and (not out.is_dir() or strange or (entries and not _MARKS & {*entries})):
        raise OutputError(
            "the output folder holds something else",
            where=str(out),
            found=", ".join(strange if strange else entries)[:_SHOWN],
            expected="a new or empty folder, or one that mlparity wrote",
            next_step="choose another --out",
        )


def _take_place(stage: Path, out: Path) -> None:
    stage.chmod(0o755)
    if not out.exists():
        stage.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
    try:
        out.rename(old / out.name)
        stage.rename(out)
    except BaseException:  # Ctrl-C too: the earlier results come back, and are never deleted before the new ones stand
        if not out.exists() and (old / out.name).exists():
            (old / out.name).rename(out)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def _unwritable(out: Path, error: OSError) -> OutputError:
    return OutputError(
        "the results could not be written",
        where=str(out),
        found=str(error),
        expected="a place with enough free space that may be written to",
        next_step="free some space, or choose another --out; nothing was left behind",
    )
