"""Keeps a PyTorch run in fp64 where the model's own code names fp32, as in `x.float()` or `torch.zeros(3)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

from mlparity.sessions.torch_dispatch import OpMode
from mlparity.sessions.torch_roundings import Roundings

WIDE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex32: torch.complex128,
    torch.complex64: torch.complex128,
}
"""The type that each floating type is widened to: a complex one stays complex."""

# Ops whose tensor argument only lends its shape or device to a new tensor.
_MAKES_NEW = re.compile(r"aten::(new_\w+|\w+_like)$")
# Ops that draw (in fp64 the same seed gives other numbers) or quantise (they take fp32 alone).
_IN_FP32 = re.compile(
    r"aten::(rand|normal|uniform|bernoulli|exponential|geometric|cauchy|log_normal|multinomial|poisson|binomial|"
    r"quantize_per)\w*$"
)
_NAMED_IN_CODE = {torch.float32: torch.float64, torch.complex64: torch.complex128}
_DOUBLE = frozenset(WIDE.values())


@contextmanager
def widened() -> Iterator[Roundings]:
    """Keep all that runs inside the `with` block in fp64, and tell how many roundings it would have in fp32."""
    mode = _Widened()
    with mode, _Fp32Epsilons():
        yield mode.roundings


class _Widened(OpMode):
    """Changes four things about each op, for a module whose parameters are fp64; what is said of fp64 holds of complex.

    A cast from fp64 to fp32 stays fp64. Where fp64 meets a narrower type, that is widened. A tensor that is made from
    nothing, or drawn, is made in fp32 and then widened, so that both runs hold the same numbers.
    What is computed from integers alone stays fp32: such values choose buckets and blocks, and have to fall on the same
    side as in the fp32 run.
    """

    def __init__(self) -> None:
        super().__init__()
        self.roundings = Roundings()

    def run_op(self, func: object, args: Sequence[object], named: Mapping[str, object]) -> object:
        """Run one op so that nothing of fp64 is lost in it."""
        operator = cast("torch._ops.OpOverload", func)
        # An exported program asserts the types that it was exported with; the widened ones are meant.
        if operator is torch.ops.aten._assert_tensor_metadata.default:
            return None
        tensors = [leaf for leaf in tree_leaves((args, named)) if isinstance(leaf, Tensor)]
        if any(tensor.dtype in _DOUBLE for tensor in tensors):
            result = _run_wide(operator, args, dict(named))
        else:
            result = operator(*args, **named)
            if not tensors or _MAKES_NEW.search(operator._schema.name):
                result = tree_map_only(Tensor, _wide, result)
        self.roundings.count(operator, tensors, result)
        return result


def _run_wide(operator: torch._ops.OpOverload, args: Sequence[object], named: dict[str, object]) -> object:
    kernel: Callable[..., object] = _KERNELS.get(operator, operator)
    if _IN_FP32.match(operator._schema.name):
        kernel = _in_fp32(operator)
    elif operator is not torch.ops.aten.view.dtype:
        args, named = tree_map(_in_code, (tuple(args), named))
    return kernel(*_widened_arguments(operator, args), **_widened_named(operator, named))


def _widened_arguments(operator: torch._ops.OpOverload, args: Sequence[object]) -> list[object]:
    """Return what an op reads in fp64; what it writes into has to be the tensor itself, not a wide copy of it."""
    schema = zip(operator._schema.arguments, args, strict=False)
    return [value if _is_written(argument) else tree_map_only(Tensor, _wide, value) for argument, value in schema]


def _widened_named(operator: torch._ops.OpOverload, named: Mapping[str, object]) -> dict[str, object]:
    written = {argument.name for argument in operator._schema.arguments if _is_written(argument)}
    return {name: value if name in written else tree_map_only(Tensor, _wide, value) for name, value in named.items()}


def _is_written(argument: torch._C.Argument) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write


def _in_code(value: object) -> object:
    """Return the type that a type named in the code stands for, and other arguments as they are."""
    return _NAMED_IN_CODE.get(value, value) if isinstance(value, torch.dtype) else value


def _wide(tensor: Tensor) -> Tensor:
    wanted = WIDE.get(tensor.dtype)
    return tensor if wanted is None else tensor.to(wanted)


def _narrow(tensor: Tensor) -> Tensor:
    wanted = {wide: narrow for narrow, wide in _NAMED_IN_CODE.items()}.get(tensor.dtype)
    return tensor if wanted is None else tensor.to(wanted)


def _in_fp32(operator: torch._ops.OpOverload) -> Callable[..., object]:
    """Return an op that runs in fp32, and gives its result in fp64."""

    def kernel(*args: object, **named: object) -> object:
        narrow_args, narrow_named = tree_map_only(Tensor, _narrow, (args, named))
        result = operator(*narrow_args, **narrow_named)
        first = args[0] if args else None
        if operator._schema.is_mutable and isinstance(first, Tensor) and isinstance(result, Tensor):
            return first.copy_(result)
        return tree_map_only(Tensor, _wide, result)

    return kernel


def _seen_as(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Read the bits of a value as another type: those of its fp32 form, which the code was written for."""
    return _wide(torch.ops.aten.view.dtype(_narrow(tensor), dtype))


def _grouped_product(left: Tensor, right: Tensor, offs: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    """Multiply each group of rows of `left`, which ends at its entry of `offs`, by its matrix of `right`."""
    if offs is None:
        product = torch.matmul(left, right)
    else:
        ends = offs.tolist()
        groups = zip([0, *ends[:-1]], ends, right, strict=True)
        product = torch.cat([left[start:end] @ matrix for start, end, matrix in groups])
    return product if bias is None else product + bias


_KERNELS: Mapping[object, Callable[..., object]] = {
    # Source: torch 2.13, "Expected mat_a to be Float32, BFloat16 or Float16".
    torch.ops.aten._grouped_mm.default: _grouped_product,
    torch.ops.aten.view.dtype: _seen_as,
}
"""What runs in the place of ops that PyTorch has no fp64 kernel for, or that mean something else in fp64."""


class _Fp32Epsilons(TorchFunctionMode):
    """Gives an RMS norm without an epsilon that of fp32, its own being that of its values' type."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Call the function, with fp32's epsilon where it is given none."""
        named = dict(kwargs or {})
        if func in _RMS_NORMS and len(args) < _WITH_EPS and named.get("eps") is None:
            named["eps"] = torch.finfo(torch.float32).eps
        elif func in _RMS_NORMS and len(args) == _WITH_EPS and args[-1] is None:
            args = (*args[:-1], torch.finfo(torch.float32).eps)
        return func(*args, **named)


_RMS_NORMS = (torch.nn.functional.rms_norm, torch.rms_norm, torch.ops.aten.rms_norm.default)
_WITH_EPS = 4
"""The arguments of an RMS norm: values, shape, weight and epsilon."""
