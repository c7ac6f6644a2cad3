"""Steps are run in one place: `engine/runtime/frame.py`. What else runs a step runs one that is not final yet."""

from __future__ import annotations

import ast

from tests.architecture.modules import Module, modules

# Where a single step is run before the plan is whole, each with its reason.
BEFORE_THE_PLAN = {
    "mlparity.engine.runtime.interpret": "defines it",
    "mlparity.engine.runtime.fold": "runs the steps that depend on constants alone, while the plan is being made",
    "mlparity.engine.runtime.shapes": "runs steps on tensors without data, while the plan is being made",
}
WALK = "mlparity.engine.runtime.frame"


def names(module: Module) -> set[str]:
    """The attributes and names that a module reads."""
    nodes = ast.walk(module.tree)
    return {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in nodes}


def test_only_the_frame_frees_values() -> None:
    assert [module.name for module in modules() if ".frees" in ast.unparse(module.tree)] == [WALK]


def test_a_single_step_is_run_only_where_the_plan_is_made() -> None:
    assert {module.name for module in modules() if "run_step" in names(module)} == {*BEFORE_THE_PLAN}
