"""The form that a classifier's probabilities have in its network, before Core ML makes a table of labels of them."""

from __future__ import annotations

from typing import Any

VECTOR, BATCH = (-1,), (1, -1)


def table_form(model: Any) -> tuple[int, ...]:
    """Return the shape that numpy gives the probabilities of a `Model` message: a vector, or a batch of one.

    A program says which, in the operand `probabilities` of its op `classify`; of a neural network it is assumed that
    the source gives a batch. Source: coremltools 9.0, the op set of iOS 15, `MIL.proto`.
    """
    functions = model.mlProgram.functions.values()
    ranks = (_rank(block) for function in functions for block in function.block_specializations.values())
    return VECTOR if 1 in ranks else BATCH


def _rank(block: Any) -> int | None:
    """Return the rank of what a block's `classify` takes, None where there is no such op."""
    taken = [
        argument.name
        for op in block.operations
        if op.type == "classify"
        for argument in op.inputs["probabilities"].arguments
    ]
    given = (each for op in block.operations for each in op.outputs)
    return next((each.type.tensorType.rank for each in given if each.name in taken), None)
