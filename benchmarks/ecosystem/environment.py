"""An environment for each project below build/ecosystem, made once and kept."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ecosystem.projects import NUMPY, TORCH, Project

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "ecosystem"
CHECKS = Path(__file__).parent / "checks"
_STAND_INS = Path(__file__).parent / "stand_ins"


_SETTINGS = ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
"""Where a project may have pytest's settings."""


class NotObtainedError(Exception):
    """A project's packages or its source archive cannot be installed here."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A project's interpreter, the folder that its tests run in, and the versions that are installed."""

    python: Path
    work: Path
    versions: dict[str, str]

    @property
    def command(self) -> Path:
        """The command `mlparity` of this environment."""
        return self.python.with_name("mlparity")


def folder_of(project: Project) -> Path:
    """Return a project's own folder."""
    return BUILD / "".join(each if each.isalnum() else "-" for each in project.name.lower()).strip("-")


def environment_of(project: Project) -> Environment:
    """Install a project and unpack its tests; nothing is done again that is done.

    Raises:
        NotObtainedError: something cannot be had.
    """
    folder = folder_of(project)
    python, stamp = folder / "environment" / "bin" / "python", folder / "stamp"
    made_of = (project.packages, project.alone, project.source, project.removed, project.stand_ins)
    key = hashlib.sha256(repr(made_of).encode()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _install(project, python)
        _unpack(project, folder)
        stamp.write_text(key)
    return Environment(python, folder / "source", _versions(python))


def _install(project: Project, python: Path) -> None:
    _run(sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, str(python.parents[1]))
    install = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python))
    _run(*install, TORCH, NUMPY, "pytest<9", "--editable", str(ROOT), *project.packages)
    if project.alone:
        _run(*install, "--no-deps", *project.alone)
    for removed in project.removed:
        for path in python.parents[1].glob(f"lib/python*/site-packages/{removed}"):
            shutil.rmtree(path)


def _unpack(project: Project, folder: Path) -> None:
    """Put the source archive's content into `source`, with what stands in for files that it lacks."""
    work = folder / "source"
    work.mkdir()
    if project.source:
        name = project.source.partition("==")[0]
        download = ("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name, "--dest", str(folder))
        _run(sys.executable, *download, project.source)
        (archive,) = folder.glob("*.tar.gz")
        with tarfile.open(archive) as opened:
            opened.extractall(folder / "unpacked", filter="data")
        (inner,) = (folder / "unpacked").iterdir()
        # Only tests and their data: the project itself is the installed one.
        shutil.copytree(inner / "tests", work / "tests")
        for name in _SETTINGS:
            if (inner / name).is_file():
                shutil.copy(inner / name, work)
    found = "".join((work / name).read_text() for name in _SETTINGS if (work / name).is_file())
    if not any(head in found for head in ("[tool.pytest", "[tool:pytest]", "[pytest]")):
        (work / "pytest.ini").write_text("[pytest]\n")  # else the settings of this repository would count
    if project.stand_ins:
        shutil.copytree(_STAND_INS / project.stand_ins, work / "tests", dirs_exist_ok=True)


def _versions(python: Path) -> dict[str, str]:
    code = "from importlib.metadata import distributions as d; [print(e.name.lower(), e.version) for e in d()]"
    found = _run(str(python), "-c", code)
    return dict(line.split() for line in found.splitlines() if line.count(" ") == 1)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotObtainedError(f"{' '.join(command[:6])}: {done.stderr.strip()[-600:]}")
    return done.stdout
