"""A kernel that was compiled before a source changed is not used any more."""

from __future__ import annotations

import os
import subprocess
import sys
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


NO_PLACE = """
from numba.core import caching
caching.CacheImpl._locator_classes = []
import torch
from mlparity.engine.numerics.kernels.compiled import KEEPS
from mlparity.engine.runtime.optimised.matrix import packed_matrix
from mlparity.engine.runtime.optimised.packed import Scratch
assert not KEEPS
found = packed_matrix(torch.eye(17), None, Scratch()).times(torch.ones(2, 17))
assert torch.equal(found, torch.ones(2, 17)), found
"""


def test_kernels_run_where_no_folder_can_be_written() -> None:
    done = subprocess.run([sys.executable, "-c", NO_PLACE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
