"""The table of MIL's ops: what coremltools defines, and what the engine runs.

Usage: python -m tests.conformance.inventory, which writes docs/ops.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import mlparity.engine.ops  # noqa: F401  # registers every op
from mlparity.engine.mil.spec import proto
from mlparity.engine.ops.registry import Rounding, definitions
from mlparity.engine.runtime.blocks import CONTROL_FLOW
from tests.conformance import layers

PAGE = Path(__file__).parents[2] / "docs" / "ops.md"

APART: Mapping[str, str] = {
    "_const_symbolic": "never in a file: a name for a size while coremltools converts",
    "const": "bound before the first run: a value, not a computation",
    "coreml_update_state": "never in a file: saved as `write_state` and `read_state`",
    "torch_tensor_assign": "never in a file: a pass of coremltools replaces it by slices and updates",
    "torch_upsample_bilinear": "never in a file: a pass of coremltools replaces it by an upsampling op",
    "torch_upsample_nearest_neighbor": "never in a file: a pass of coremltools replaces it by an upsampling op",
}
"""Ops that coremltools registers and the engine does not compute, and why."""

_COMPLEX = "never in a file: a pass of coremltools replaces it by real arithmetic"
_OLDEST = 15

_HEAD = """# The ops of MIL

Made from the registries of coremltools 9.0 and of the engine by `python -m tests.conformance.inventory`; a test holds
it up to date. "Defined" lists the opsets that begin a definition of coremltools, "runs" those that begin one of the
engine; an opset without an entry uses the one before it. Where the engine has fewer, one definition serves both, since
they differ in types or checks alone. "Rounding" says where bits are lost: nowhere (`none`), once for each element
(`element`), or once after a sum (`reduce`).

| op | defined | runs | rounding |
| --- | --- | --- | --- |
"""


def defined() -> dict[str, tuple[int, ...]]:
    """Return the opsets that begin a definition of each op in coremltools' registry, dialects included."""
    proto("Model")  # imports coremltools quietly
    import coremltools.converters.mil.mil.ops.defs  # noqa: F401  # registers every op
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    found: dict[str, tuple[int, ...]] = {}
    for name, versions in SSAOpRegistry.core_ops.items():
        starts, last = [], None
        for target, cls in versions.items():
            if cls is not last:
                starts.append(max(_OLDEST, int(target.name.removeprefix("iOS"))))
            last = cls
        found[name] = tuple(dict.fromkeys(starts))
    return found | dict.fromkeys(SSAOpRegistry.dialect_ops, ())


def run() -> dict[str, tuple[tuple[int, ...], Rounding]]:
    """Return the opsets that begin a definition of the engine's, and where the newest rounds."""
    found: dict[str, tuple[tuple[int, ...], Rounding]] = dict.fromkeys(CONTROL_FLOW, ((_OLDEST,), Rounding.NONE))
    for each in definitions():
        found[each.name] = ((*found.get(each.name, ((), None))[0], each.since), each.rounding)
    return found


def reason(name: str) -> str:
    """Return why the engine does not compute an op that coremltools registers, "" where nothing says so."""
    return APART.get(name, _COMPLEX if name.startswith("complex") else "")


def page() -> str:
    """Return the text of docs/ops.md."""
    theirs, ours = defined(), run()
    rows = [_row(name, theirs.get(name), ours.get(name)) for name in sorted(theirs | ours)]
    lacking = sum(name not in ours and not reason(name) for name in theirs)
    foot = f"\n{len(theirs)} ops are registered in coremltools; {len(ours)} run here, {lacking} are missing.\n"
    return _HEAD + "\n".join(rows) + "\n" + foot + layers.table()


def _row(name: str, theirs: tuple[int, ...] | None, ours: tuple[tuple[int, ...], Rounding] | None) -> str:
    begins = "not registered: what saving makes of a state's update" if theirs is None else _opsets(theirs)
    if ours is None:
        return f"| `{name}` | {begins} | {reason(name) or 'missing'} | |"
    return f"| `{name}` | {begins} | {_opsets(ours[0])} | {ours[1]} |"


def _opsets(since: tuple[int, ...]) -> str:
    return ", ".join(f"iOS{each}" for each in since) if since else "dialect"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
