"""What a target is called, and how its files end, stands in its own folder alone."""

from __future__ import annotations

import ast

from mlparity.targets.table import targets
from tests.architecture.modules import modules

# A constant that is a target's name or suffix, and why it may stand outside of the target's folder.
ALLOWED = {
    "mlparity.core.words: coreml": "the target of a setting whose name gives none",
    "mlparity.core.mlpackage: .mlpackage": "what the engine reads too",
}


def test_no_file_but_a_target_s_own_names_it() -> None:
    known = {name: target for target in targets() for name in (target.name, *target.suffixes)}
    found = {
        f"{module.name}: {node.value}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in known
        if not module.name.startswith(f"mlparity.targets.{known[node.value].name}.")
    }
    assert found == set(ALLOWED)
