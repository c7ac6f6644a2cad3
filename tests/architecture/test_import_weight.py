"""`import mlparity` is quick and light, and needs none of the optional packages; nor does `mlparity --help`."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.architecture.test_import_law import OPTIONAL

# A finder that comes first and has none of the optional packages.
REFUSE = f"""
import sys
from importlib.abc import MetaPathFinder

class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(OPTIONAL)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())
"""


def python(code: str, *arguments: str) -> str:
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_heavy() -> None:
    loaded = python("import mlparity, sys; print(*{name.partition('.')[0] for name in sys.modules})").split()
    assert "mlparity" in loaded
    assert {"torch", "coremltools", "numpy", "pydantic"} & set(loaded) == set()


def test_import_takes_less_than_a_third_of_a_second() -> None:
    """The project promises 0.3 s; the best of five tells apart a slow import and a busy machine."""
    measure = "from time import perf_counter as now; start = now(); import mlparity; print(now() - start)"
    assert min(float(python(measure)) for _ in range(5)) < 0.3


def test_mlparity_imports_without_optional_packages() -> None:
    assert python(f"{REFUSE}\nimport mlparity; print(mlparity.__version__)").strip()


def test_every_public_name_loads_without_optional_packages() -> None:
    code = "import mlparity; print(*(getattr(mlparity, name) for name in mlparity.__all__))"
    assert python(f"{REFUSE}\n{code}").strip()


def test_help_works_without_optional_packages_and_without_torch() -> None:
    code = f"{REFUSE}\nfrom mlparity.cli.app import app\ntry: app()\nfinally: assert 'torch' not in sys.modules"
    text = python(code, "--help")
    for command in ("verify", "locate", "tune", "run", "inspect", "compare", "record", "exec"):
        assert command in text


def test_the_refusal_refuses() -> None:
    code = f"{REFUSE}\ntry: import PIL\nexcept ModuleNotFoundError as error: print(error.name)"
    assert python(code).strip() == "PIL"
