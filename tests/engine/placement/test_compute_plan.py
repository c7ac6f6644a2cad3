from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlparity.core.errors import FormatError
from mlparity.engine.numerics import Processor
from mlparity.engine.placement.compute_plan import ComputePlan, read_compute_plan
from mlparity.engine.placement.variants import pinned_variants
from tests.engine.placement.test_variants import MIXED, WHOLE

SAVED = {
    "format": "mlparity.compute_plan",
    "version": 1,
    "compute_units": "ALL",
    "chip": "M4",
    "ops": [{"output": "y", "processor": "NE"}, {"output": "z", "processor": "GPU"}],
}


def _written(folder: Path, **changes: object) -> Path:
    path = folder / "plan.json"
    path.write_text(json.dumps({**SAVED, **changes}))
    return path


def test_a_saved_placement_is_the_only_one(tmp_path: Path) -> None:
    plan = read_compute_plan(_written(tmp_path))
    assert plan == ComputePlan("ALL", "M4", {"y": Processor.NE, "z": Processor.GPU})
    variants = pinned_variants(MIXED, plan, fast=False)
    assert {variant.on_engine for variant in variants} in ({frozenset({"y"})}, {frozenset({"z"})})
    assert {variant.chips for variant in variants} == {("M4",)}
    assert all(
        {unit_profile.processor for unit_profile in variant.profiles} == {Processor.NE, Processor.GPU}
        for variant in variants
    )
    assert len(variants) == len({variant.key for variant in variants})


def test_ops_that_the_plan_does_not_name_run_on_the_cpu() -> None:
    (variant,) = pinned_variants(WHOLE, ComputePlan("CPU_AND_NE", "M4", {}), fast=True)
    assert [unit_profile.processor for unit_profile in variant.profiles] == [Processor.CPU]


def test_a_plan_of_another_program_is_refused() -> None:
    with pytest.raises(FormatError, match="another program") as caught:
        pinned_variants(WHOLE, ComputePlan("ALL", "M4", {"elsewhere": Processor.NE}), fast=True)
    assert "'elsewhere'" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "version 2"),
        ({"chip": "M99"}, "M99"),
        ({"ops": [{"output": "y", "processor": "TPU"}]}, "TPU"),
        ({"ops": [{}]}, "output"),
    ],
)
def test_another_form_is_refused_with_what_was_found(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read_compute_plan(_written(tmp_path, **changes))
    with pytest.raises(FormatError, match="compute plan"):
        read_compute_plan(tmp_path / "absent.json")
