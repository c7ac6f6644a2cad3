"""A mode in which every op of PyTorch is handed over before it runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Self

from torch._compile import _disable_dynamo
from torch.utils._python_dispatch import TorchDispatchMode


class OpMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Hands each op to `run_op`, which a mode defines.

    PyTorch 2.13 loads its compiler at a mode's first op, to leave the mode's own code out of what is compiled: a second
    and a half of each command. Here that is done where the compiler is there already, as nothing is compiled before.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __enter__(self) -> Self:
        """Hand over ops from now on."""
        if "torch._dynamo" in sys.modules and not hasattr(OpMode.__torch_dispatch__, "__wrapped__"):
            OpMode.__torch_dispatch__ = _disable_dynamo(OpMode.__torch_dispatch__)  # type: ignore[method-assign]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an op as the mode has it."""
        del types
        return self.run_op(func, args, kwargs if kwargs is not None else {})

    def run_op(self, func: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Run the op `func` with its arguments, in order and by name; as it is, unless a mode does otherwise."""
        return func(*args, **named)
