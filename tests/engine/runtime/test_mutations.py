from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.engine.mil.packages import write_package

COUNT = 2000


def test_mutated_packages_end_in_a_result_or_a_typed_error(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    (tmp_path / "mutated").mkdir()
    worker = Path(__file__).with_name("mutation_worker.py")
    done = subprocess.run(
        [sys.executable, str(worker), str(package), str(tmp_path / "mutated"), str(COUNT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ran, refused = map(int, done.stdout.split())
    # Both ends must be common, or the mutations test nothing.
    assert ran > COUNT / 20
    assert refused > COUNT / 5
