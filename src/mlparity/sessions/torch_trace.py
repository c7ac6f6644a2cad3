"""Records what a source computes on one sample: every op's results, with the module and the line that asked for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from mlparity.core.budget import count_run
from mlparity.core.errors import ExecutionError
from mlparity.core.session import Sample
from mlparity.core.source import Source, own_path
from mlparity.core.trace import Origin, SourceTrace, TracedOp
from mlparity.sessions.torch import open as open_source
from mlparity.sessions.torch_dispatch import OpMode
from mlparity.sessions.torch_fp64 import widened

_NOT_THE_USERS = tuple(str(Path(file).parent) for file in (torch.__file__, __file__))
_OUR_ROOT = str(Path(__file__).parents[1])

RunOp = Callable[[Any, Sequence[Any], Mapping[str, Any]], Any]
"""Runs one op with its arguments by position and by name, and returns its result."""


def trace_source(source: Source, sample: Sample, *, double: bool = True, run_op: RunOp | None = None) -> SourceTrace:
    """Run `source` on `sample`, in fp64 unless told otherwise, and return what each op gave.

    `run_op` runs each op, and may change what it does. Memory: a copy of every result. Modules of TorchScript and
    exported programs have no paths or lines.

    Raises:
        ExecutionError: the source fails, for example because it cannot run in fp64.
    """
    count_run()
    session = open_source(source, double=double)
    try:
        recorder = _Recorder(_plainly if run_op is None else run_op)
        return _traced(session.module, session.inputs_of(sample), source, double, recorder)
    except Exception as error:
        raise ExecutionError(
            "the source cannot be traced", where=session.runtime, found=f"{type(error).__name__}: {error}"
        ) from error
    finally:
        session.close()


def _plainly(func: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
    return func(*args, **named)


def _traced(
    module: nn.Module, tensors: Sequence[Tensor], source: Source, double: bool, recorder: _Recorder
) -> SourceTrace:
    inputs = tuple(
        (name, recorder.number(tensor), tensor.numpy(force=True).copy())
        for name, tensor in zip(source.input_names, tensors, strict=True)
    )
    with torch.no_grad(), layers_by_their_parts(), _paths(module, recorder), recorder:
        results = run_module(module, tensors, double)
    recorder.keep_last_written()
    outputs = tuple((name, recorder.number(result)) for name, result in zip(source.output_names, results, strict=True))
    return SourceTrace(tuple(recorder.ops), inputs, outputs)


@contextmanager
def layers_by_their_parts() -> Iterator[None]:
    """Let PyTorch compute encoder layers op by op, and lists number by number.

    Its fused op for a whole layer has nothing inside to align, and `tolist` runs no op at all.
    """
    known = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with _ListsByNumbers():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(known)


class _ListsByNumbers(TorchFunctionMode):
    """Takes the numbers of a short list one by one: `tolist` itself runs no op that could be seen or changed."""

    def __torch_function__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run a function of torch."""
        if func is Tensor.tolist and args[0].numel() <= _LISTED:
            return _numbers_of(args[0])
        return func(*args, **({} if kwargs is None else kwargs))


_LISTED = 64
"""How many numbers of a list are taken one by one (assumed)."""


def _numbers_of(tensor: Tensor) -> Any:
    return [_numbers_of(part) for part in tensor] if tensor.ndim else tensor.item()


def run_module(module: nn.Module, tensors: Sequence[Tensor], double: bool) -> tuple[Tensor, ...]:
    """Return what a module gives, kept in fp64 where that is asked for."""
    if not double:
        return cast("tuple[Tensor, ...]", module(*tensors))
    with widened():
        return cast("tuple[Tensor, ...]", module(*tensors))


class _Recorder(OpMode):
    """Numbers tensors by identity and keeps them alive, so that no identity is used twice."""

    def __init__(self, run_op: RunOp) -> None:
        super().__init__()
        self._run_op = run_op
        self.ops: list[TracedOp] = []
        self.path: list[str] = []
        self._calls = 0
        self._numbers: dict[int, int] = {}
        self._alive: list[Tensor] = []
        self._written: dict[int, tuple[Tensor, int]] = {}
        self._copied = 0

    def number(self, tensor: Tensor) -> int:
        """Return the tensor's number; a new one for a tensor that was not seen."""
        if id(tensor) not in self._numbers:
            self._renumber(tensor)
        return self._numbers[id(tensor)]

    def _renumber(self, tensor: Tensor) -> int:
        self._alive.append(tensor)
        self._numbers[id(tensor)] = len(self._alive)
        return len(self._alive)

    def run_op(self, func: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Run an op and keep its results; one that was written in place gets a new number."""
        read = [leaf for leaf in tree_leaves((args, named)) if isinstance(leaf, Tensor)]
        inputs = tuple(self._numbers[id(tensor)] for tensor in read if id(tensor) in self._numbers)
        call, self._calls = self._calls, self._calls + counts(func)
        result = self._run_op(func, args, named)
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor) and leaf.layout is torch.strided]
        if inputs or not read:
            results = tuple(
                (self._renumber(tensor), tensor.numpy(force=True).copy()) for tensor in made if _is_plain(tensor)
            )
            origin = Origin(_name(func), self._module(), _line())
            answer = float(result) if _name(func) == ANSWERING and not isinstance(result, complex) else None
            settings = _settings(func, args, named)
            self.ops.append(TracedOp(origin, inputs, results, call, settings, func._schema.is_mutable, answer))
            if func._schema.is_mutable:
                self._keep_written(made)
        return result

    def _keep_written(self, views: Sequence[Tensor]) -> None:
        """Number what a tensor holds after a write through a view of it, as a result of that write."""
        for view in views:
            self._written.pop(id(view), None)  # it was written as a whole
            whole = view._base
            if whole is None or id(whole) not in self._numbers or not _is_plain(whole):
                continue
            self._copied += whole.nbytes
            if self._copied <= _MOST_COPIED:
                self._keep_whole(whole, len(self.ops) - 1)
            else:
                self._written[id(whole)] = (whole, len(self.ops) - 1)

    def _keep_whole(self, whole: Tensor, index: int) -> None:
        left = (self._renumber(whole), whole.numpy(force=True).copy())
        self.ops[index] = replace(self.ops[index], results=(*self.ops[index].results, left))

    def keep_last_written(self) -> None:
        """Number what each tensor holds at the end, where not every write into it was kept."""
        for whole, index in self._written.values():
            self._keep_whole(whole, index)
        self._written.clear()

    def _module(self) -> str:
        return self.path[-1] if self.path else ""


_MOST_COPIED = 1 << 28
"""Up to how many bytes each write into a part of a tensor is kept with the whole tensor; then only the last one is,
because every layer of a language model may write into one cache (assumed)."""


def counts(func: Any) -> bool:
    """Tell whether an op is one of a run's: reading a value for a trace detaches it, and a run without one does not."""
    return _name(func) != "aten.detach"


ANSWERING = "aten._local_scalar_dense"
"""The op by which Python gets a number of a tensor: `bool(x)`, `int(x)`, `x.item()`."""


def _settings(func: Any, args: Sequence[Any], named: Mapping[str, Any]) -> dict[str, object]:
    given = {argument.name: value for argument, value in zip(func._schema.arguments, args, strict=False)}
    return {name: value for name, value in {**given, **named}.items() if isinstance(value, bool | int | float | str)}


def _is_plain(tensor: Tensor) -> bool:
    return tensor.dtype not in (torch.bfloat16, torch.complex32) and not tensor.is_quantized


def _name(func: Any) -> str:
    return str(func._schema.name).replace("::", ".")


def _line() -> str:
    """Return the innermost line of the user's own code below our call of the model, "" where there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not run_module.__code__:
        file = frame.f_code.co_filename
        if not file.startswith((*_NOT_THE_USERS, _OUR_ROOT, "<")):
            return f"{Path(file).name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


@contextmanager
def _paths(module: nn.Module, recorder: _Recorder) -> Iterator[None]:
    """Keep the dotted path of the module that runs in `recorder.path`."""
    names = {id(part): own_path(name) for name, part in module.named_modules()}

    def enter(part: nn.Module, _inputs: object) -> None:
        recorder.path.append(names.get(id(part), recorder.path[-1] if recorder.path else ""))

    def leave(_part: nn.Module, _inputs: object, _output: object) -> None:
        recorder.path.pop()

    handles = (register_module_forward_pre_hook(enter), register_module_forward_hook(leave))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
