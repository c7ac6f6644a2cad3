"""How each complex op is written on pairs of real tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from mlparity.targets.exported.complex import Pairs, Part, Rule
from mlparity.targets.exported.fourier import FOURIER

_aten = torch.ops.aten


def _view_as_complex(pairs: Pairs, x: Any) -> Any:
    return pairs.emit(_aten.select.int, x, -1, 0), pairs.emit(_aten.select.int, x, -1, 1)


def _complex(_pairs: Pairs, real: Any, imaginary: Any) -> Any:
    return real, imaginary


def _polar(pairs: Pairs, size: Any, angle: Any) -> Any:
    turned = pairs.emit(_aten.cos.default, angle), pairs.emit(_aten.sin.default, angle)
    return tuple(pairs.emit(_aten.mul.Tensor, size, part) for part in turned)


def _by(op: Any) -> Rule:
    """Return the rule of a product: (a + bi)(c + di) = ac - bd + (ad + bc)i."""

    def product(pairs: Pairs, x: Any, y: Any) -> Any:
        (a, b), (c, d) = pairs.parts(x), pairs.parts(y)
        if _is_zero(d):
            return _times(pairs, op, a, c), _times(pairs, op, b, c)
        if _is_zero(b):
            return _times(pairs, op, a, c), _times(pairs, op, a, d)
        real = pairs.emit(_aten.sub.Tensor, _times(pairs, op, a, c), _times(pairs, op, b, d))
        return real, pairs.emit(_aten.add.Tensor, _times(pairs, op, a, d), _times(pairs, op, b, c))

    return product


def _is_zero(part: Part) -> bool:
    return not isinstance(part, fx.Node) and part == 0


def _times(pairs: Pairs, op: Any, x: Part, y: Part) -> Any:
    if isinstance(x, fx.Node) or not isinstance(y, fx.Node):
        return pairs.emit(op, x, y) if isinstance(x, fx.Node) else x * float(y)  # type: ignore[arg-type]
    return pairs.emit(_aten.mul.Tensor, y, x)


def _quotient(pairs: Pairs, x: Any, y: Any) -> Any:
    (c, d) = pairs.parts(y)
    if _is_zero(d):
        return tuple(part if _is_zero(part) else pairs.emit(_aten.div.Tensor, part, c) for part in pairs.parts(x))
    size = _squared(pairs, c, d)
    inverse = (
        pairs.emit(_aten.div.Tensor, c, size),
        pairs.emit(_aten.neg.default, pairs.emit(_aten.div.Tensor, d, size)),
    )
    (a, b), (e, f) = pairs.parts(x), inverse
    ae, af = _times(pairs, _aten.mul.Tensor, a, e), _times(pairs, _aten.mul.Tensor, a, f)
    if _is_zero(b):
        return ae, af
    be, bf = _times(pairs, _aten.mul.Tensor, b, e), _times(pairs, _aten.mul.Tensor, b, f)
    return pairs.emit(_aten.sub.Tensor, ae, bf), pairs.emit(_aten.add.Tensor, af, be)


def _squared(pairs: Pairs, real: Part, imaginary: Part) -> Any:
    squares = [pairs.emit(_aten.mul.Tensor, part, part) for part in (real, imaginary)]
    return pairs.emit(_aten.add.Tensor, *squares)


def _sum(pairs: Pairs, x: Any, y: Any) -> Any:
    return tuple(_added(pairs, a, b) for a, b in zip(pairs.parts(x), pairs.parts(y), strict=True))


def _difference(pairs: Pairs, x: Any, y: Any) -> Any:
    return tuple(_subtracted(pairs, a, b) for a, b in zip(pairs.parts(x), pairs.parts(y), strict=True))


def _added(pairs: Pairs, a: Part, b: Part) -> Any:
    if _is_zero(b):
        return a
    return pairs.emit(_aten.add.Tensor, a, b) if isinstance(a, fx.Node) else pairs.emit(_aten.add.Tensor, b, a)


def _subtracted(pairs: Pairs, a: Part, b: Part) -> Any:
    if _is_zero(b) or isinstance(a, fx.Node):
        return a if _is_zero(b) else pairs.emit(_aten.sub.Tensor, a, b)
    return pairs.emit(_aten.add.Tensor, pairs.emit(_aten.neg.default, b), a)


def _conj(pairs: Pairs, x: Any) -> Any:
    real, imaginary = pairs.parts(x)
    return real, imaginary if _is_zero(imaginary) else pairs.emit(_aten.neg.default, imaginary)


def _view_as_real(pairs: Pairs, x: Any) -> Any:
    last = [pairs.emit(_aten.unsqueeze.default, part, -1) for part in pairs.parts(x)]
    return pairs.emit(_aten.cat.default, last, -1)


def _abs(pairs: Pairs, x: Any) -> Any:
    return pairs.emit(_aten.sqrt.default, _squared(pairs, *pairs.parts(x)))


def _angle(pairs: Pairs, x: Any) -> Any:
    real, imaginary = pairs.parts(x)
    return pairs.emit(_aten.atan2.default, imaginary, real)


def _exp(pairs: Pairs, x: Any) -> Any:
    real, angle = pairs.parts(x)
    return _polar(pairs, pairs.emit(_aten.exp.default, real), angle)


def _same(pairs: Pairs, x: Any) -> Any:
    real, imaginary = pairs.parts(x)
    return real, pairs.emit(_aten.mul.Tensor, real, 0.0) if _is_zero(imaginary) else imaginary


def _copy(pairs: Pairs, into: Any, x: Any, *_blocking: Any) -> Any:
    shape = list(into.meta["val"].shape)
    return tuple(pairs.emit(_aten.expand.default, part, shape) for part in _same(pairs, x))


def _masked_fill(pairs: Pairs, x: Any, mask: Any, value: Any) -> Any:
    pieces = zip(_same(pairs, x), pairs.parts(value), strict=True)
    return tuple(pairs.emit(_aten.masked_fill.Scalar, part, mask, given) for part, given in pieces)


def _power(pairs: Pairs, x: Any, exponent: Any) -> Any:
    """Raise to a power by size and angle, (r e^it)^n = r^n e^int; a square by a product."""
    if exponent == 2:
        return _by(_aten.mul.Tensor)(pairs, x, x)
    size = pairs.emit(_aten.pow.Tensor_Scalar, _abs(pairs, x), exponent)
    return _polar(pairs, size, pairs.emit(_aten.mul.Tensor, _angle(pairs, x), exponent))


RULES: dict[object, Rule] = {
    **FOURIER,
    _aten.view_as_complex.default: _view_as_complex,
    _aten.complex.default: _complex,
    _aten.polar.default: _polar,
    _aten.mul.Tensor: _by(_aten.mul.Tensor),
    _aten.mul.Scalar: _by(_aten.mul.Tensor),
    _aten.matmul.default: _by(_aten.matmul.default),
    _aten.mm.default: _by(_aten.mm.default),
    _aten.bmm.default: _by(_aten.bmm.default),
    _aten.div.Tensor: _quotient,
    _aten.add.Tensor: _sum,
    _aten.sub.Tensor: _difference,
    _aten._conj.default: _conj,
    _aten._conj_physical.default: _conj,
    _aten.conj_physical.default: _conj,
    _aten.resolve_conj.default: _same,
    _aten._to_copy.default: _same,
    _aten.view_as_real.default: _view_as_real,
    _aten.copy.default: _copy,
    _aten.masked_fill.Scalar: _masked_fill,
    _aten.pow.Tensor_Scalar: _power,
    _aten.real.default: lambda pairs, x: pairs.parts(x)[0],
    _aten.imag.default: lambda pairs, x: pairs.parts(x)[1],
    _aten.abs.default: _abs,
    _aten.angle.default: _angle,
    _aten.exp.default: _exp,
}
"""The rule of each op, beside those that move elements or do the same to both parts."""
