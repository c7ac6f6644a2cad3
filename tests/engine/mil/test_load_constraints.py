"""What Core ML refuses to load is refused: one example a row of the table, beside one that loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mlparity.core.errors import FormatError
from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.engine.mil.load_constraints import NO_RULE, Constraint, check_loads, constraints
from mlparity.engine.mil.load_rules import MODEL_RULES, RULES
from mlparity.engine.mil.program import Block, Feature, NamedType, Program
from mlparity.engine.reading import read_program
from tests.engine.runtime.programs import op, program, tensor

ROOT = Path(__file__).parents[3]
ROWS = [row for rows in constraints().values() for row in rows]
REFUSING = [row for row in ROWS if row.rule != NO_RULE]

X3, X4, X5, X6 = (tensor("x", "fp32", *range(2, 2 + rank)) for rank in (3, 4, 5, 6))
Y3 = tensor("y", "fp32", 2, 3, 4)
LONG = np.ones((4, 3, 3, 3), np.float32)
POOL: dict[str, object] = {"x": "%x", "kernel_sizes": [2, 2], "pad_type": "custom"}


def of(
    kind: str, given: Mapping[str, object], opset: int = 16, inputs: tuple[NamedType, ...] = (X4,), rank: int = 4
) -> Program:
    """Return a program of one op."""
    return program(inputs, (op(kind, tensor("out", "fp32", *[None] * rank), **given),), ("out",), opset)


def call(kind: str, opset: int = 16, inputs: tuple[NamedType, ...] = (X4,), rank: int = 4, **given: object) -> Program:
    """Return a program of one op, whose inputs follow by name."""
    return of(kind, given, opset, inputs, rank)


def pad(mode: str, *widths: int) -> Program:
    return call("pad", x="%x", mode=mode, pad=list(widths))


def pool(kind: str, opset: int = 16, inputs: tuple[NamedType, ...] = (X4,), **given: object) -> Program:
    return of(kind, POOL | given, opset, inputs)


def of_rank(kind: str, name: str, bad: int, good: int) -> tuple[Program, Program]:
    def one(rank: int) -> Program:
        return of(kind, {name: "%x"}, inputs=(tensor("x", "fp32", *[2] * rank),))

    return one(bad), one(good)


def word(kind: str, name: str, bad: str, good: str, opset: int = 16) -> tuple[Program, Program]:
    return of(kind, {"x": "%x", name: bad}, opset), of(kind, {"x": "%x", name: good}, opset)


def branches(*dtypes: str) -> Program:
    """Return a program whose branches give results of these types."""
    blocks = tuple(
        Block((), (op("cast", tensor(f"b{place}", dtype, 2), x="%x", dtype=dtype),), (f"b{place}",))
        for place, dtype in enumerate(dtypes)
    )
    whole = op("cond", tensor("out", "fp32", 2), pred="%p")
    return program((X3, tensor("p", "bool")), (replace(whole, blocks=blocks),), ("out",))


def described(version: int, *dtypes: str) -> Program:
    """Return a program whose inputs are declared in these types."""
    given = call("relu", x="%x")
    features = tuple(Feature(f"x{place}", "multiArrayType", dtype) for place, dtype in enumerate(dtypes))
    return replace(given, spec_version=version, interfaces={"main": replace(given.interfaces["main"], inputs=features)})


def stacked(default: int) -> Program:
    """Return a program that stacks an input of 4 columns and one of 1 to 10, of `default` where nothing is said."""
    flexible = tensor("y", "fp32", 2, None)
    ops = (
        op("cast", tensor("narrow", "fp16", 2, None), x="%y", dtype="fp16"),
        op("cast", tensor("wide", "fp32", 2, None), x="%narrow", dtype="fp32"),
        op("stack", tensor("out", "fp32", 2, 2, None), values=["%x", "%wide"], axis=0),
    )
    made = program((tensor("x", "fp32", 2, 4), flexible), ops, ("out",))
    feature = Feature("y", "multiArrayType", "fp32", (2, default), sizes=((2, 2), (1, 10)))
    x = Feature("x", "multiArrayType", "fp32", (2, 4))
    return replace(made, interfaces={"main": replace(made.interfaces["main"], inputs=(x, feature))})


def dilated(weight: str) -> Program:
    kernel = tensor("w", "fp32", 4, 3, 3, 3)
    made = op("relu", tensor("made", "fp32", 4, 3, 3, 3), x="%w")
    fixed = op("relu", tensor("fixed", "fp32", 4, 3, 3, 3), x=LONG)
    conv = op("conv", tensor("out", "fp32", 2, 4, 2, 3), x="%x", weight=weight, dilations=[1, 2])
    return program((X4, kernel), (made, fixed, conv), ("out",))


ceiled = partial(pool, ceil_mode=True, strides=[2, 2])

EXAMPLES: dict[tuple[str, str, str], tuple[Program, Program]] = {
    ("*", "result_rank", "5"): (call("relu", inputs=(X6,), x="%x", rank=6), call("relu", inputs=(X5,), x="%x", rank=5)),
    ("make_list", "list_rank", "4"): (
        call("make_list", elem_shape=[1, 2, 3, 4, 5]),
        call("make_list", elem_shape=[1, 2, 3, 4]),
    ),
    ("pad", "last_axes", "reflect 2"): (pad("reflect", 1, 1, 0, 0, 1, 1), pad("reflect", 0, 0, 0, 0, 1, 1, 2, 1)),
    ("pad", "last_axes", "replicate 2"): (
        pad("replicate", 0, 0, 1, 2, 2, 1, 0, 0),
        pad("replicate", 0, 0, 0, 0, 2, 1, 0, 0),
    ),
    ("pad", "one_of", "constant reflect replicate"): (pad("circular", 1, 1), pad("constant", 1, 1, 1, 1, 1, 1)),
    ("pad", "pad_widths", ""): (pad("constant", 1, -1), pad("constant", 1, 0)),
    ("pad", "mirror", "reflect"): (pad("reflect", 5, 1), pad("reflect", 4, 1)),
    **{
        (kind, rule, limit): examples
        for kind in ("avg_pool", "l2_pool", "max_pool")
        for rule, limit, examples in (
            ("one_of", "valid same custom same_lower", (pool(kind, pad_type="odd"), pool(kind, pad_type="VALID"))),
            ("none_of", "same_lower", (pool(kind, 15, pad_type="same_lower"), pool(kind, 16, pad_type="same_lower"))),
            (
                "ceil_axes",
                "2",
                (
                    pool(kind, inputs=(X5,), kernel_sizes=[2, 2, 2], ceil_mode=True),
                    pool(kind, inputs=(X4,), ceil_mode=True),
                ),
            ),
            ("ceil_padding", "same", (ceiled(kind, pad_type="same"), pool(kind, pad_type="same"))),
            (
                "ceil_symmetric",
                "custom",
                (ceiled(kind, pad=[0, 1, 0, 0]), ceiled(kind, pad=[1, 1, 0, 0])),
            ),
        )
    },
    ("l2_pool", "rank", "3-4"): of_rank("l2_pool", "x", 5, 4),
    ("conv", "none_of", "same_lower"): (
        word("conv", "pad_type", "same_lower", "same", 15)[0],
        word("conv", "pad_type", "same", "same_lower", 16)[1],
    ),
    ("conv", "undilated", ""): (dilated("%made"), dilated("%fixed")),
    ("conv", "conv_channels", ""): (
        call("conv", x="%x", weight=LONG, groups=2),
        call("conv", x="%x", weight=LONG, groups=1),
    ),
    **{
        (kind, "rank", "3-5"): of_rank(kind, "x", 2, 3)
        for kind in (
            *("upsample_nearest_neighbor", "resize_nearest_neighbor", "upsample_bilinear", "resize_bilinear", "crop"),
            *("prelu", "softplus_parametric", "l2_norm"),
        )
    },
    **{
        (kind, "rank", "4-4"): of_rank(kind, "x", 3, 4)
        for kind in ("crop_resize", "affine", "space_to_batch", "batch_to_space")
    },
    ("resample", "rank", "4-4"): of_rank("resample", "x", 3, 4),
    ("affine", "rank", "2-2"): of_rank("affine", "transform_matrix", 3, 2),
    ("affine", "one_of", "bilinear"): word("affine", "sampling_mode", "nearest", "bilinear"),
    ("affine", "one_of", "normalized_minus_one_to_one"): word(
        "affine", "coordinates_mode", "unnormalized", "normalized_minus_one_to_one"
    ),
    ("affine", "one_of", "constant"): word("affine", "padding_mode", "border", "constant"),
    ("prelu", "one_slope", "4"): (
        call("prelu", inputs=(X3,), x="%x", alpha=np.array([0.1, 0.2, 0.3], np.float32)),
        call("prelu", inputs=(X3,), x="%x", alpha=np.array([0.1, 0.1, 0.1], np.float32)),
    ),
    ("clip", "below", ""): (
        call("clip", 17, x="%x", alpha=1.0, beta=1.0),
        call("clip", 16, x="%x", alpha=1.0, beta=1.0),
    ),
    ("topk", "at_most_axis", ""): (call("topk", x="%x", k=6, axis=-1), call("topk", x="%x", k=5, axis=3)),
    ("tile", "repetitions", ""): (call("tile", x="%x", reps=[2, 0, 1, 1]), call("tile", x="%x", reps=[2, 1, 1, 1])),
    ("reshape", "one_free", ""): (call("reshape", x="%x", shape=[-1, -1]), call("reshape", x="%x", shape=[-1, 2])),
    ("transpose", "one_each", ""): (
        call("transpose", x="%x", perm=[1, 0]),
        call("transpose", x="%x", perm=[1, 0, 2, 3]),
    ),
    **{
        (kind, "same_rank", ""): (
            call(kind, inputs=(X4, Y3), values=["%x", "%y"]),
            call(kind, inputs=(X3, Y3), values=["%x", "%y"]),
        )
        for kind in ("concat", "stack", "einsum")
    },
    **{
        (kind, "same_type", ""): (
            call(kind, inputs=(X3, tensor("y", "fp16", 2, 3, 4)), values=["%x", "%y"]),
            call(kind, inputs=(X3, Y3), values=["%x", "%y"]),
        )
        for kind in ("concat", "stack")
    },
    ("einsum", "count", "2"): (
        call("einsum", inputs=(X3, Y3), values=["%x", "%y", "%y"]),
        call("einsum", inputs=(X3, Y3), values=["%x", "%y"]),
    ),
    ("gather_along_axis", "same_rank", ""): (
        call("gather_along_axis", inputs=(X4, Y3), x="%x", indices="%y"),
        call("gather_along_axis", inputs=(X3, Y3), x="%x", indices="%y"),
    ),
    ("gather", "below_rank", ""): (call("gather", x="%x", batch_dims=4), call("gather", x="%x", batch_dims=3)),
    ("constexpr_lut_to_dense", "length", "2 4 16 64 256"): (
        call("constexpr_lut_to_dense", lut=np.zeros(8, np.float32)),
        call("constexpr_lut_to_dense", lut=np.zeros(16, np.float32)),
    ),
    ("cond", "branches", ""): (branches("fp32", "fp16"), branches("fp32", "fp32")),
    ("model", "inputs_from", "9"): (described(8), described(9)),
    ("model", "features_from", "7"): (described(6, "fp16"), described(7, "fp16")),
    ("model", "features_from", "10"): (described(9, "int8"), described(10, "int8", "fp16")),
    ("model", "stacked_defaults", ""): (stacked(3), stacked(4)),
}
"""By op, rule and limit: a program that Core ML refuses to load, and one that it loads."""


def key(row: Constraint) -> tuple[str, str, str]:
    return row.op, row.rule, row.limit


def examples(row: Constraint) -> tuple[Program, Program]:
    if row.op == "resample" and row.inputs == ("coordinates",):
        return of_rank("resample", "coordinates", 3, 4)
    return EXAMPLES[key(row)]


@pytest.mark.parametrize("row", REFUSING, ids=lambda row: f"{row.op}-{row.rule}-{row.limit}-{'-'.join(row.inputs)}")
def test_a_row_refuses_what_it_says_and_no_more(row: Constraint) -> None:
    bad, good = examples(row)
    with pytest.raises(FormatError) as refused:
        check_loads(bad)
    assert refused.value.expected == row.text
    assert row.source in refused.value.next_step
    assert row.op in ("model", "*") or f"'out' ({row.op})" in refused.value.what
    check_loads(good)


def test_each_row_has_a_source_and_a_rule_and_each_rule_and_example_a_row() -> None:
    assert {row.rule for row in REFUSING} == {*RULES, *MODEL_RULES}
    assert {key(row) for row in REFUSING} == set(EXAMPLES)
    assert all(row.source and row.text for row in ROWS)
    for number in (2571, 2576, 2701, 2772, 2844):
        assert any(f"/{number}" in row.source for row in ROWS), number


def test_the_documents_hold_the_same_table() -> None:
    shipped = ROOT / "src/mlparity/engine/mil/load_constraints.csv"
    assert (ROOT / "docs/load-constraints.csv").read_bytes() == shipped.read_bytes()


def test_an_op_in_a_branch_is_checked_too() -> None:
    given = branches("fp32", "fp32")
    cond = given.functions["main"].body.ops[0]
    inner = op("pad", tensor("b0", "fp32", 2, 3, 4), x="%x", mode="reflect", pad=[1, 1, 0, 0, 0, 0])
    changed = replace(cond, blocks=(Block((), (inner,), ("b0",)), cond.blocks[1]))
    main = replace(given.functions["main"], body=Block((), (changed,), ("out",)))
    with pytest.raises(FormatError, match="the last two axes only"):
        check_loads(replace(given, functions={"main": main}))


def test_what_only_a_run_knows_is_not_refused() -> None:
    open_size = (tensor("x", "fp32", None, None, None), tensor("widths", "int32", 6))
    check_loads(call("pad", inputs=open_size, x="%x", mode="reflect", pad="%widths"))
    check_loads(call("pad", inputs=open_size, x="%x", mode="reflect", pad=[9, 9]))
    check_loads(call("topk", inputs=open_size, x="%x", k=9))


def test_a_package_that_coremltools_writes_and_core_ml_refuses_is_refused(tmp_path: Path) -> None:
    enable_coremltools()
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb

    @mb.program(input_specs=[mb.TensorSpec((1, 2, 4, 5, 6))], opset_version=ct.target.iOS16)
    def padded(x: object) -> object:
        return mb.pad(x=x, pad=[0, 0, 0, 0, 2, 2, 2, 2, 2, 2], mode="replicate", name="edges")

    path = tmp_path / "padded.mlpackage"
    ct.convert(padded, minimum_deployment_target=ct.target.iOS16, skip_model_load=True).save(str(path))
    with pytest.raises(FormatError, match=r"'edges_cast_fp16' \(pad\)[\s\S]*last two axes only[\s\S]*issues/2571"):
        read_program(path)
