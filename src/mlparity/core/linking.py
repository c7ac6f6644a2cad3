"""Files and folders at a second place, without a second copy of their bytes where the disk can."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mlparity.core.regular_files import check_members, check_regular


def link(source: Path, target: Path) -> None:
    """Put a file or folder at `target` too.

    Raises:
        NotRegularError: it is neither an ordinary file nor a folder of such files.
        OSError: it cannot be read, or not be written there.
    """
    if source.is_dir():
        check_members(source)
        shutil.copytree(source, target, copy_function=_link_file)
    else:
        _link_file(str(check_regular(source)), str(target))


def _link_file(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target
