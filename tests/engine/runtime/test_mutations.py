from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.mil.packages import write_flow_package, write_package
from tests.engine.runtime.mutations import run

COUNT = 1000


@pytest.mark.parametrize("write", [write_package, write_flow_package])
def test_mutated_packages_end_in_a_result_or_a_typed_error(write: Callable[[Path], Path], tmp_path: Path) -> None:
    ran, refused = run(write(tmp_path), tmp_path, COUNT)
    # Both ends must be common, or the mutations test nothing.
    assert ran > COUNT / 20
    assert refused > COUNT / 5
