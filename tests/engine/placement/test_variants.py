from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

from mlparity.core.errors import InputError
from mlparity.core.words import Confidence
from mlparity.engine.mil.program import Function, Op
from mlparity.engine.numerics import TYPED, Processor
from mlparity.engine.numerics.unit_profiles import leading, unit_profiles_of
from mlparity.engine.ops.registry import definitions
from mlparity.engine.placement.variants import Variant, check_chips, every_chip, is_emulated, plain_choice, variants_of
from tests.engine.runtime.programs import op, program, tensor


def _linear(output: str, x: str, dtype: str = "fp16") -> Op:
    weight = np.eye(2, dtype=np.float16 if dtype == "fp16" else np.float32)
    return op("linear", tensor(output, dtype, 2, 2), x=x, weight=weight)


def _function(*ops: Op, dtype: str = "fp16") -> Function:
    return program((tensor("x", dtype, 2, 2),), ops, (ops[-1].outputs[0].name,)).functions["main"]


WHOLE = _function(_linear("y", "%x"))
MIXED = _function(_linear("y", "%x"), op("tan", tensor("z", "fp16", 2, 2), x="%y"))


def _processors(variant: Variant) -> set[Processor]:
    return {each.processor for each in variant.profiles}


def test_a_function_in_fp32_is_not_emulated() -> None:
    function = _function(_linear("y", "%x", "fp32"), dtype="fp32")
    assert not is_emulated(function)
    assert plain_choice(function, "ALL", "M4").profile is TYPED
    assert is_emulated(WHOLE)


@pytest.mark.parametrize(
    ("unit", "processors"),
    [
        ("CPU_ONLY", {Processor.CPU}),
        ("CPU_AND_GPU", {Processor.CPU, Processor.GPU}),
        ("CPU_AND_NE", {Processor.CPU, Processor.NE}),
        ("ALL", {Processor.CPU, Processor.GPU, Processor.NE}),
    ],
)
def test_a_setting_has_the_members_of_its_processors(unit: str, processors: set[Processor]) -> None:
    variants = variants_of(WHOLE, unit, every_chip(), fast=True)
    assert set().union(*(_processors(variant) for variant in variants)) == processors
    assert len({variant.key for variant in variants}) == len(variants)
    assert len({variant.name for variant in variants}) == len(variants)


def test_more_members_make_more_variants_and_fewer_chips_make_fewer() -> None:
    fast, every = (variants_of(WHOLE, "ALL", every_chip(), fast=fast) for fast in (True, False))
    assert {variant.key for variant in fast} < {variant.key for variant in every}
    one = variants_of(WHOLE, "CPU_AND_NE", ("M1",), fast=True)
    assert [variant.engine.name for variant in one if variant.engine is not None] == [leading(Processor.NE, "M1").name]
    assert all(variant.chips == ("M1",) for variant in one)


def test_a_chip_without_evidence_of_its_own_takes_the_members_of_the_one_that_stands_for_it() -> None:
    (variant,) = [
        variant for variant in variants_of(WHOLE, "CPU_AND_NE", ("A14",), fast=True) if variant.engine is not None
    ]
    assert (variant.engine, variant.chips) == (leading(Processor.NE, "M1"), ("A14",))


def test_a_member_that_computes_nothing_takes_no_part() -> None:
    """All ops of WHOLE go to the engine; of MIXED, tan stays with the processor that has the rest."""
    whole, mixed = (
        [variant for variant in variants_of(function, "ALL", ("M4",), fast=True) if variant.engine is not None]
        for function in (WHOLE, MIXED)
    )
    assert [_processors(variant) for variant in whole] == [{Processor.NE}]
    assert [_processors(variant) for variant in mixed] == [{Processor.NE, Processor.CPU}, {Processor.NE, Processor.GPU}]
    assert [len(variant.choice.profiles) for variant in mixed] == [1, 1]
    assert mixed[0].choice.profiles["y"] is leading(Processor.NE, "M4").profile
    assert mixed[0].choice.profile is leading(Processor.CPU, "M4").profile


def test_a_variant_is_as_sure_as_its_least_sure_member() -> None:
    order = list(Confidence)
    for variant in variants_of(MIXED, "ALL", every_chip(), fast=False):
        assert order.index(variant.confidence) == max(order.index(each.profile.confidence) for each in variant.profiles)


@pytest.mark.parametrize(
    ("unit", "processor"),
    [("CPU_ONLY", Processor.CPU), ("CPU_AND_GPU", Processor.GPU), ("CPU_AND_NE", Processor.NE), ("ALL", Processor.NE)],
)
def test_a_plain_prediction_takes_the_leading_member(unit: str, processor: Processor) -> None:
    choice = plain_choice(WHOLE, unit, "M6")
    assert choice.profiles.get("y", choice.profile) is leading(processor, "M6").profile
    assert plain_choice(WHOLE, unit, None).profile is TYPED


def test_every_chip_has_members_of_every_processor() -> None:
    assert all(unit_profiles_of(processor, (chip,)) for processor in Processor for chip in every_chip())


def test_an_unknown_chip_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match="'M99'") as caught:
        check_chips(("M1", "M99"))
    assert "M6" in str(caught.value)
    with pytest.raises(InputError, match="no chip"):
        check_chips(())
    assert check_chips(("M4", "M1", "M4")) == ("M4", "M1")


def _convolution(height: int, width: int, *after: Op) -> Function:
    weight = np.zeros((1, 1, height, width), np.float16)
    conv = op("conv", tensor("y", "fp16", 1, 1, 4, 4), x="%x", weight=weight)
    return program((tensor("x", "fp16", 1, 1, 4, 4),), (conv, *after), ("y",)).functions["main"]


@pytest.mark.parametrize(
    ("function", "count"),
    [
        (_convolution(1, 1), 1),
        (_convolution(3, 3), 2),
        (_convolution(1, 1, op("sigmoid", tensor("z", "fp16", 1, 1, 4, 4), x="%y")), 2),
    ],
    ids=["alike", "transformed", "looked up"],
)
def test_members_that_differ_elsewhere_alone_are_run_once(function: Function, count: int) -> None:
    """M4 and M6 differ in the transform of 3 by 3 convolutions, and M1 and M4 in the table of the sigmoid."""
    variants = [
        variant
        for variant in variants_of(function, "CPU_AND_NE", ("M1", "M4", "M6"), fast=True)
        if variant.engine is not None
    ]
    assert len(variants) == count
    named = [name for variant in variants for name in variant.name.partition(",")[0].split(" = ")]
    assert sorted(named) == sorted(leading(Processor.NE, chip).name for chip in ("M1", "M4", "M6"))
    assert {chip for variant in variants for chip in variant.chips} == {"M1", "M4", "M6"}


def test_a_function_that_is_looked_up_has_the_name_of_its_op() -> None:
    """What `effects` relies on to tell which ops see a table."""
    for definition in definitions():
        for name in re.findall(r'num\.unary\("(\w+)"', inspect.getsource(definition.fn)):
            assert name == definition.name
