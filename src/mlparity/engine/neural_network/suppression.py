"""A model of the type `nonMaximumSuppression`, which ends pipelines of detectors, as a program.

It keeps boxes by falling confidence, and drops those below a threshold and those that overlap a kept one. It computes
in fp32 on every unit (assumed: it is no network, and has no types of its own).
Source: coremltools 9.0, `NonMaximumSuppression.proto`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlparity.engine.mil.interface import read_interface
from mlparity.engine.mil.program import Block, Feature, Interface, NamedType, Op, Program, TensorType
from mlparity.engine.neural_network.op_list import Given, OpList, contradiction, program_of_ops

SUPPRESSION = "nonMaximumSuppression"
"""The model type, by its name in `Model.proto`."""


def suppression_program(path: Path, message: Any) -> Program:
    """Return the program of a `Model` message of the type `nonMaximumSuppression`.

    Raises:
        FormatError: the description lacks one of the arrays that the model names.
    """
    model = message.nonMaximumSuppression
    interface = _with_defaults(read_interface(message.description), model)
    features = {each.name: each for each in (*interface.inputs, *interface.outputs)}
    for name in (model.confidenceInputFeatureName, model.coordinatesInputFeatureName):
        _check(path, name, [each.name for each in interface.inputs])
    outputs = (model.confidenceOutputFeatureName, model.coordinatesOutputFeatureName)
    for name in outputs:
        _check(path, name, [each.name for each in interface.outputs])
    inputs = tuple(_input(each, model) for each in interface.inputs)
    ops = _ops(model, {each.name for each in inputs}, set(features), _limits([features[name] for name in outputs]))
    return program_of_ops(path, message, interface, inputs, Block((), ops, outputs))


def _check(path: Path, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise contradiction(path, SUPPRESSION, f"no {name!r} among {', '.join(known)}")


def _with_defaults(interface: Interface, model: Any) -> Interface:
    """Return the interface, with an input for each threshold that has a name, and the model's own as its default.

    Detectors name inputs that only the description of the pipeline has. Source: Ultralytics 8.4, export to Core ML.
    """
    own = {model.iouThresholdInputFeatureName: model.iouThreshold}
    own |= {model.confidenceThresholdInputFeatureName: model.confidenceThreshold}
    inputs = [replace(each, default=own.get(each.name, each.default)) for each in interface.inputs]
    described = {each.name for each in (*interface.inputs, *interface.outputs)}
    added = [Feature(name, "doubleType", optional=True, default=value) for name, value in own.items()]
    return replace(interface, inputs=(*inputs, *(each for each in added if each.name and each.name not in described)))


def _input(feature: Feature, model: Any) -> NamedType:
    columns = {model.confidenceInputFeatureName: None, model.coordinatesInputFeatureName: 4}
    if feature.name in columns:
        return NamedType(feature.name, TensorType("fp32", (None, columns[feature.name])))
    return NamedType(feature.name, TensorType("fp32", ()))


def _limits(outputs: Sequence[Feature]) -> tuple[int, int | None]:
    """Return the least and the greatest number of rows that the outputs may have, None for any."""
    least, most = 0, None
    for each in outputs:
        if each.sizes:
            low, high = each.sizes[0]
            least, most = max(least, low), (high if high >= 0 else most)
        elif len(each.shape) == 2:
            least = most = each.shape[0]
    return least, most


def _ops(model: Any, inputs: set[str], names: set[str], limits: tuple[int, int | None]) -> tuple[Op, ...]:
    ops = OpList(frozenset(names), "suppression_")
    confidence, coordinates = model.confidenceInputFeatureName, model.coordinatesInputFeatureName
    overlap: Given = model.iouThresholdInputFeatureName
    least: Given = model.confidenceThresholdInputFeatureName
    overlap = overlap if overlap in inputs else float(model.iouThreshold)
    least = least if least in inputs else float(model.confidenceThreshold)
    count = ops.add("shape", "rows", "int32", (2,), x=confidence)
    count = ops.add("slice_by_index", "count", "int32", (1,), x=count, begin=(0,), end=(1,))
    scores = ops.add("expand_dims", "scores", "fp32", (1, None, None), x=confidence, axes=(0,))
    boxes = ops.add("expand_dims", "boxes", "fp32", (1, None, 4), x=coordinates, axes=(0,))
    ops.several(
        "non_maximum_suppression",
        [
            ("kept_boxes", "fp32", (1, None, 4)),
            ("kept_scores", "fp32", (1, None, None)),
            ("kept_indices", "int32", (1, None)),
            ("kept_count", "int32", (1,)),
        ],
        boxes=boxes,
        scores=scores,
        iou_threshold=overlap,
        score_threshold=least,
        max_boxes=count,
        per_class_suppression=bool(model.pickTop.perClass),
    )
    indices = ops.add("squeeze", "indices", "int32", (None,), x=ops.named("kept_indices"), axes=(0,))
    chosen = _confident(ops, confidence, indices, least)
    if limits[1] is not None:
        end = {"begin": (0,), "end": (limits[1],)}
        chosen = ops.add("slice_by_index", "limited", "int32", (None,), x=chosen, **end)
    rows = ((confidence, model.confidenceOutputFeatureName, None), (coordinates, model.coordinatesOutputFeatureName, 4))
    for source, target, columns in rows:
        _row_op(ops, source, chosen, (target, columns), limits[0])
    return tuple(ops.made)


def _confident(ops: OpList, confidence: str, indices: str, least: Given) -> str:
    """Return the indices whose confidence reaches the threshold: the op above gives one box where none does."""
    best = ops.add("reduce_max", "best", "fp32", (None,), x=confidence, axes=(-1,), keep_dims=False)
    is_box = ops.add("greater_equal", "is_box", "bool", (None,), x=indices, y=0)
    safe = ops.add("maximum", "safe", "int32", (None,), x=indices, y=0)
    reached = ops.add("gather", "reached", "fp32", (None,), x=best, indices=safe, axis=0)
    is_sure = ops.add("greater_equal", "is_sure", "bool", (None,), x=reached, y=least)
    is_kept = ops.add("logical_and", "is_kept", "bool", (None,), x=is_box, y=is_sure)
    places = ops.add("non_zero", "places", "int32", (None, 1), x=is_kept)
    places = ops.add("squeeze", "places_in_order", "int32", (None,), x=places, axes=(1,))
    return ops.add("gather", "chosen", "int32", (None,), x=indices, indices=places, axis=0)


def _row_op(ops: OpList, source: str, chosen: str, target: tuple[str, int | None], least: int) -> None:
    """Add the rows of one array that are kept, and rows of zeros up to the least number."""
    name, columns = target
    if least == 0:
        ops.give("gather", name, (None, columns), x=source, indices=chosen, axis=0)
        return
    rows = ops.add("gather", f"{name}_rows", "fp32", (None, columns), x=source, indices=chosen, axis=0)
    size = ops.add("shape", f"{name}_size", "int32", (1,), x=chosen)
    lacking = ops.add("sub", f"{name}_lacking", "int32", (1,), x=(least,), y=size)
    lacking = ops.add("maximum", f"{name}_missing", "int32", (1,), x=lacking, y=(0,))
    none = ops.add("sub", f"{name}_none", "int32", (1,), x=lacking, y=lacking)
    amounts = ops.add("concat", f"{name}_amounts", "int32", (4,), values=[none, lacking, none, none], axis=0)
    ops.give("pad", name, (None, columns), x=rows, pad=amounts)
