"""A kernel that was compiled before a source changed is not used any more."""

from __future__ import annotations

import os
from pathlib import Path

from mlparity.engine.numerics.kernels import forget_older


def test_only_what_is_newer_than_every_source_is_kept(tmp_path: Path) -> None:
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    for name, date in (
        ("bits.py", 200),
        ("sums.py", 100),
        ("__pycache__/sums.nbi", 150),
        ("__pycache__/bits.nbc", 250),
    ):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (date, date))
    forget_older(tmp_path)
    assert [path.name for path in cache.iterdir()] == ["bits.nbc"]


def test_a_folder_without_sources_is_left_alone(tmp_path: Path) -> None:
    forget_older(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []
