"""The wheel and the sdist: that they build, hold what they need, and run from where they are unpacked."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from mlparity import __version__
from tests.docs.documents import ROOT
from tests.release.installed import FIRST_PAGE, SETS


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_an_index_would_take_both(dist: Path) -> None:
    files = sorted(str(path) for path in dist.iterdir())
    assert [Path(file).name for file in files] == [
        *(f"mlparity-{__version__}-py3-none-any.whl", f"mlparity-{__version__}.tar.gz")
    ]
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_wheel_holds_all_files_of_the_package_and_no_other(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    own = {
        name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith(f"mlparity-{__version__}.dist-info")
    }
    source = ROOT / "src"
    known = {".py", ".pyi", ".typed", ".csv", ".json", ".j2", ".css", ".js"}
    assert own == {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and path.suffix in known | {""} and "__pycache__" not in path.parts
    } | {"mlparity/py.typed"}


def test_the_sdist_can_be_built_from(dist: Path, tmp_path: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        # Python 3.11 has it from 3.11.4 on, and Debian an older one.
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # type: ignore[arg-type]
    folder = tmp_path / f"mlparity-{__version__}"
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path / "again")]
    subprocess.run([*command, str(folder)], check=True, capture_output=True)
    (first,), (again,) = dist.glob("*.whl"), (tmp_path / "again").glob("*.whl")
    assert zipfile.ZipFile(first).namelist() == zipfile.ZipFile(again).namelist()


def test_the_command_runs_from_the_wheel(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", "import mlparity, sys; print(mlparity.__file__, mlparity.__version__)"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "mlparity/__init__.py"), __version__]
    help_text = subprocess.run(
        [sys.executable, "-m", "mlparity", "verify", "--help"], cwd=tmp_path, env=environment, capture_output=True
    )
    assert help_text.returncode == 0


def test_every_extra_of_a_user_is_tried() -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"", FIRST_PAGE, *extras} - {"dev", "docs", "bench", "ecosystem", "mutants"} == set(SETS)
