"""Sums of products of tensors: einsum, and what is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend.torch.ops import einsum as einsum_of_coremltools
from coremltools.converters.mil.mil.ops.defs._utils import promote_input_dtypes
from coremltools.converters.mil.mil.types.symbolic import any_symbolic

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering
from mlparity.targets.coreml.lowerings.diagonals import diagonal_of

_REST = "..."


@dataclass(frozen=True, slots=True)
class _Factor:
    """A tensor and the label of each of its axes; no label comes twice."""

    x: Var
    labels: tuple[str, ...]

    def size(self, label: str) -> int:
        return int(self.x.shape[self.labels.index(label)])


@lowering("einsum", "equation tensors path", replaces=True)
def einsum(call: Call) -> Any:
    """Lower `einsum`; coremltools' own lacks diagonals, sums over all, `...` and axes of one element.

    What it has, it lowers to fewer ops: equations of two tensors whose labels are all paired or kept.
    """
    equation, tensors = call.text("equation", ""), call.arguments["tensors"]
    given, kept = _labels(equation, [x.rank for x in tensors])
    if any(any_symbolic(x.shape) for x in tensors) or _suits_coremltools(equation, given, kept, tensors):
        return einsum_of_coremltools(call.context, call.node)
    return contracted(tensors, given, kept)


@lowering("bilinear", "input1 input2 weight bias")
def bilinear(call: Call) -> Var:
    """Lower `bilinear`: for each output feature a matrix between two vectors."""
    first, second = call.tensor("input1"), call.tensor("input2")
    given, kept = _labels("...i,oij,...j->...o", [first.rank, 3, second.rank])
    result = contracted([first, call.tensor("weight"), second], given, kept)
    return result if call.optional("bias") is None else mb.add(x=result, y=call.tensor("bias"))


def contracted(tensors: Sequence[Var], given: Sequence[Sequence[str]], kept: Sequence[str]) -> Var:
    """Return the sum of products of tensors with labelled axes, with the kept labels in their order."""
    xs = promote_input_dtypes(list(tensors)) if len(tensors) > 1 else list(tensors)
    factors = [_simplified(x, labels) for x, labels in zip(xs, given, strict=True)]
    while len(factors) > 1:
        first, second, *rest = factors
        later = {*kept, *(label for operand in rest for label in operand.labels)}
        factors = [_product(_summed(first, {*later, *second.labels}), _summed(second, {*later, *first.labels}), later)]
        factors += rest
    return _arranged(_summed(factors[0], set(kept)), kept)


def _labels(equation: str, ranks: Sequence[int]) -> tuple[list[list[str]], list[str]]:
    """Return the labels of each tensor and of the result, the axes that `...` stands for among them."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    widths = [
        rank - len(term.replace(_REST, "")) if _REST in term else 0 for term, rank in zip(terms, ranks, strict=True)
    ]
    rest = [f"{_REST}{number}" for number in range(max(widths))]
    given = [_spelt(term, rest[len(rest) - width :]) for term, width in zip(terms, widths, strict=True)]
    if arrow:
        return given, _spelt(right, rest)
    letters = [letter for letter in left if letter.isalpha()]
    return given, [*rest, *sorted(letter for letter in set(letters) if letters.count(letter) == 1)]


def _spelt(term: str, rest: Sequence[str]) -> list[str]:
    before, dots, after = term.partition(_REST)
    return [*before, *(rest if dots else ()), *after]


def _suits_coremltools(
    equation: str, given: Sequence[Sequence[str]], kept: Sequence[str], tensors: Sequence[Var]
) -> bool:
    if len(given) != 2 or "->" not in equation or _REST in equation or not kept:
        return False
    first, second = map(set, given)
    unique = all(len(set(labels)) == len(labels) for labels in given)
    paired = first ^ second <= set(kept)
    return unique and paired and all(size != 1 for x in tensors for size in x.shape)


def _simplified(x: Var, labels: Sequence[str]) -> _Factor:
    """Take the diagonal of labels that come twice, and drop axes of one element, along which tensors broadcast."""
    labels = list(labels)
    while len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        first = labels.index(twice)
        second = labels.index(twice, first + 1)
        x = diagonal_of(x, first, second)
        labels = [label for axis, label in enumerate(labels) if axis not in (first, second)] + [twice]
    single = [axis for axis, size in enumerate(x.shape) if size == 1]
    if single:
        x = mb.reshape(x=x, shape=[size for size in x.shape if size != 1]) if len(single) < x.rank else mb.squeeze(x=x)
    return _Factor(x, tuple(label for axis, label in enumerate(labels) if axis not in single))


def _summed(factor: _Factor, needed: set[str]) -> _Factor:
    """Sum over the axes that nothing needs any more."""
    axes = [axis for axis, label in enumerate(factor.labels) if label not in needed]
    if not axes:
        return factor
    labels = tuple(label for label in factor.labels if label in needed)
    return _Factor(mb.reduce_sum(x=factor.x, axes=axes, keep_dims=False), labels)


def _product(first: _Factor, second: _Factor, later: set[str]) -> _Factor:
    """Multiply two tensors, and sum over what they share and nothing needs later, as one product of matrices."""
    if not first.labels or not second.labels:
        return _Factor(mb.mul(x=first.x, y=second.x), (*first.labels, *second.labels))
    shared = [label for label in first.labels if label in second.labels]
    batch, inner = [label for label in shared if label in later], [label for label in shared if label not in later]
    left = [label for label in first.labels if label not in shared]
    right = [label for label in second.labels if label not in shared]
    x, y = _grouped(first, (batch, left, inner)), _grouped(second, (batch, inner, right))
    made = mb.matmul(x=x, y=y) if inner else mb.mul(x=x, y=y)
    sizes = [*(first.size(label) for label in (*batch, *left)), *(second.size(label) for label in right)]
    labels = (*batch, *left, *right)
    if not labels:
        return _Factor(mb.squeeze(x=made), ())
    return _Factor(mb.reshape(x=made, shape=sizes), labels)


def _grouped(factor: _Factor, groups: Sequence[Sequence[str]]) -> Var:
    """Return the tensor with one axis for each group of labels."""
    order = [factor.labels.index(label) for group in groups for label in group]
    turned = factor.x if order == sorted(order) else mb.transpose(x=factor.x, perm=order)
    return mb.reshape(x=turned, shape=[prod(map(factor.size, group)) for group in groups])


def _arranged(factor: _Factor, kept: Sequence[str]) -> Var:
    """Put the axes in the order that is asked for; one that was dropped has one element."""
    order = [factor.labels.index(label) for label in kept if label in factor.labels]
    turned = factor.x if order == sorted(order) else mb.transpose(x=factor.x, perm=order)
    shape = [factor.size(label) if label in factor.labels else 1 for label in kept]
    return mb.reshape(x=turned, shape=shape) if len(shape) > len(order) else mb.identity(x=turned)
