"""A room imports only what the table allows; the table changes only with a note in docs/decisions."""

from __future__ import annotations

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.architecture.modules import Module, modules

MIL, NUMERICS, OPS, RUNTIME = "engine.mil", "engine.numerics", "engine.ops", "engine.runtime"
NETWORK, READING, PLACEMENT = "engine.neural_network", "engine.reading", "engine.placement"
BINDING, PLAN = "engine.coremltools_binding", "engine.coremltools_plan"
EXPORTED = "targets.exported"
TARGETS = COREML, LITERT, ONNX, COREAI = "targets.coreml", "targets.litert", "targets.onnx", "targets.coreai"

# A room, or one file of a room, and the rooms that it may import beside itself.
LAW: dict[str, tuple[str, ...]] = {
    "core": (),
    MIL: ("core",),
    NUMERICS: ("core",),
    OPS: ("core", NUMERICS),
    PLACEMENT: ("core", MIL, NUMERICS, OPS),
    NETWORK: ("core", MIL, NUMERICS, OPS),
    READING: ("core", MIL, NETWORK),
    RUNTIME: ("core", MIL, NUMERICS, OPS, READING),
    PLAN: ("core", MIL, PLACEMENT, READING),
    BINDING: (PLAN, "core", MIL, PLACEMENT, RUNTIME),
    "sources": ("core",),
    "toml": ("core",),
    "samples": ("core", "toml"),
    "record": ("core",),
    "compare": ("core", "record", "toml"),
    "sessions": ("core",),
    "execution": ("core",),
    "targets": ("core", "record", MIL, PLACEMENT, RUNTIME, *TARGETS),
    EXPORTED: ("core",),
    COREML: (
        *("core", "compare", "record", "sessions", "targets", EXPORTED),
        *(BINDING, MIL, NUMERICS, PLACEMENT, READING, RUNTIME),
    ),
    LITERT: ("core", "targets", EXPORTED),
    ONNX: ("core", "targets", EXPORTED),
    COREAI: ("core", "record", "sessions", "targets", EXPORTED),
    "diagnose": ("core", "record", "targets", MIL, NUMERICS, PLACEMENT, RUNTIME),
    "report": ("core", "record", "targets"),
    "verification": (
        *("core", "compare", "diagnose", "execution", "record", "report", "samples", "sessions"),
        *("sources", "targets", COREML),
        *("toml", MIL, NUMERICS, PLACEMENT, READING, RUNTIME),
    ),
    "api": ("core", "compare", "record", "sessions", "targets", COREML, "verification", OPS, BINDING),
    "cli": ("core", "record", "report", "api"),
    "pytest_plugin": ("core", "record", "api"),
    "__main__": ("cli",),
    "__init__": (),
    "engine": (),
}

# Third parties that a room may not import, at any place in its files.
FORBIDDEN = {MIL: {"torch"}, "report": {"torch", "coremltools"}, "compare": {"torch", "coremltools"}}

# The standard library and numpy only.
BARE = "core"

# Each optional dependency belongs to the places that need it, and is imported there inside functions.
OPTIONAL = {
    *(
        "litert_torch",
        "ai_edge_litert",
        "ai_edge_quantizer",
        "onnxruntime",
        "onnx",
        "onnxscript",
        "coreai",
        "coreai_torch",
        "coreai_opt",
    ),
    *("PIL", "ray", "safetensors", "transformers"),
}
# Loading any module of these rooms stays light.
LIGHT = ("core", "cli", "__main__", "__init__")
HEAVY = OPTIONAL | {"torch", "coremltools", "numba"}


def short(name: str) -> str:
    return name.removeprefix("mlparity").removeprefix(".") or "__init__"


def home(name: str) -> str | None:
    """The narrowest row of the law that a dotted name (without `mlparity.`) falls under."""
    rows = [row for row in LAW if name == row or name.startswith(f"{row}.")]
    return max(rows, key=len, default=None)


def broken_laws(module: Module) -> list[str]:
    room = home(short(module.name))
    assert room is not None, f"{module.name} is in no room of the law"
    allowed = LAW[room]
    found = []
    for imported in module.imported():
        if imported != "mlparity" and not imported.startswith("mlparity."):
            continue
        target = home(short(imported))
        if target is None or target == room or target in allowed:
            continue
        found.append(f"{room} may not import {target} ({module.name} imports {imported})")
    return found


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_room_imports_what_the_law_allows(module: Module) -> None:
    assert broken_laws(module) == []


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_no_room_imports_a_forbidden_package(module: Module) -> None:
    room = home(short(module.name))
    packages = {name.partition(".")[0] for name in module.imported()}
    assert packages & FORBIDDEN.get(room or "", set()) == set()
    if room == BARE:
        assert packages <= {*sys.stdlib_module_names, "numpy", "mlparity"}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_optional_packages_are_imported_inside_functions(module: Module) -> None:
    room = home(short(module.name))
    assert set(module.imported_at_load()) & (HEAVY if room in LIGHT else OPTIONAL) == set()


def test_each_permission_is_used() -> None:
    used: dict[str, set[str | None]] = {room: set() for room in LAW}
    for module in modules():
        room = home(short(module.name))
        assert room is not None
        used[room] |= {home(short(name)) for name in module.imported() if name.startswith("mlparity")}
    unused = {room: set(allowed) - used[room] for room, allowed in LAW.items()}
    assert {room: each for room, each in unused.items() if each} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = {module.name for module in modules()}
    graph = {
        module.name: {found for name in module.imported() if (found := nearest(name, known)) not in (None, module.name)}
        for module in modules()
    }
    TopologicalSorter(graph).prepare()  # raises where there is a circle


def nearest(name: str, known: set[str]) -> str | None:
    """The module that a dotted name is, or is defined in; the package itself where that names a module of it."""
    return name if name in known else (parent if (parent := name.rpartition(".")[0]) in known else None)


def test_the_law_sees_a_broken_law(tmp_path: Path) -> None:
    lines = (
        "import torch",
        "from mlparity.api import verify",
        "from ..mil import reader",
        "from mlparity import sessions",
    )
    tree = ast.parse("\n".join(lines))
    breach = Module("mlparity.engine.ops.wrong", tmp_path / "wrong.py", tree)
    assert broken_laws(breach) == [
        "engine.ops may not import api (mlparity.engine.ops.wrong imports mlparity.api.verify)",
        "engine.ops may not import engine.mil (mlparity.engine.ops.wrong imports mlparity.engine.mil.reader)",
        "engine.ops may not import sessions (mlparity.engine.ops.wrong imports mlparity.sessions)",
    ]
