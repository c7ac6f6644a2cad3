from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.mil.packages import WRITERS, write_flow_package
from tests.engine.runtime.mutation_worker import Fence, OutOfBoundsError
from tests.engine.runtime.mutations import run

COUNT = 500


@pytest.mark.parametrize("write", WRITERS)
def test_mutated_packages_end_in_a_result_or_a_typed_error(write: Callable[[Path], Path], tmp_path: Path) -> None:
    ends = run(write(tmp_path), tmp_path, COUNT)
    # Both ends must be common, or the mutations test nothing.
    assert ends.ran > COUNT / 20
    assert ends.refused > COUNT / 5


def test_a_mutation_is_the_same_in_every_process(tmp_path: Path) -> None:
    folders = tmp_path / "first", tmp_path / "second"
    for folder in folders:
        folder.mkdir()
    first, second = (run(write_flow_package(folder), folder, 20) for folder in folders)
    assert first.digest == second.digest


def test_a_file_outside_the_package_is_noticed(tmp_path: Path) -> None:
    fence = Fence(tmp_path / "package")
    fence.is_closed = True
    try:
        with pytest.raises(OutOfBoundsError, match="outside the package"):
            (tmp_path / "elsewhere").write_text("x")
    finally:
        fence.is_closed = False
