"""The result of a tuning as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from mlparity.core.tuning import Tuning
from mlparity.record.files import write_whole
from mlparity.record.text import plain


def write_tuning(tuning: Tuning, path: Path) -> None:
    """Write a tuning as JSON; numbers that are not finite become the texts that records use.

    Raises:
        OutputError: the file cannot be written.
    """
    write_whole(path, f"{json.dumps(plain(asdict(tuning)), ensure_ascii=False, indent=1)}\n".encode())
