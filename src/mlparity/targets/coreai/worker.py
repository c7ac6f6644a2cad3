"""The process in which Core AI's own runtime works; `mlparity.targets.coreai.session` asks it."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlparity.sessions.isolated import serve
from mlparity.targets.coreai.widened import traced

Tensor = tuple[str, tuple[int | None, ...], str]
"""The name, shape and type of an input or output, as the runtime tells them."""


@dataclass(frozen=True, slots=True)
class Load:
    """Load the model at `path`; `unit` is Core ML's name for where it shall run, or "" for the runtime's choice."""

    path: Path
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loaded model tells of itself; `states` are tensors that it keeps from run to run."""

    functions: tuple[str, ...]
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Describe:
    """Tell what the file at `path` holds."""

    path: Path


@dataclass(frozen=True, slots=True)
class Description:
    """Ops by name and how many, the types that values are computed in, and the program as text."""

    ops: dict[str, int]
    compute_types: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """Run the loaded model on these arrays."""

    arrays: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Trace:
    """Tell what each op of the program at `path` gives on these arrays."""

    path: Path
    arrays: dict[str, np.ndarray]


_ENTRY = "main"
"""The function that is run where a model has several. Source: coreai-torch 0.4.3, `add_exported_program`."""

_SHOWN_ELEMENTS = 16
"""Constants of more elements are left out of a program's text."""


class Runtime:
    """Answers the messages above with Core AI's runtime, one model at a time."""

    def __init__(self) -> None:
        """Begin without a model."""
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._function: Any = None

    def answer(self, message: Load | Describe | Run | Trace) -> object:
        """Do what a message asks; what the runtime raises passes through."""
        if isinstance(message, Run):
            return self._loop.run_until_complete(self._run(message.arrays))
        if isinstance(message, Trace):
            return traced(message.path, lambda widened: self._run_once(widened, message.arrays))
        if isinstance(message, Load):
            return self._loop.run_until_complete(self._load(message))
        return _description(message.path)

    def _run_once(self, path: Path, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        self._loop.run_until_complete(self._load(Load(path)))
        return self._loop.run_until_complete(self._run(arrays))

    async def _load(self, message: Load) -> Loaded:
        from coreai.authoring import AIModelAsset

        asset = AIModelAsset.load(message.path)
        model = await self._stack.enter_async_context(asset.executable(_specialization(message.unit)))
        functions = tuple(model.function_names)
        name = _ENTRY if _ENTRY in functions else functions[0]
        self._function = model.load_function(name)
        told = self._function.desc
        return Loaded(
            functions,
            tuple(_tensor(name, told.input_descriptor(name)) for name in told.input_names),
            tuple(_tensor(name, told.output_descriptor(name)) for name in told.output_names),
            tuple(told.state_names),
        )

    async def _run(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        from coreai.runtime import NDArray

        inputs = {name: NDArray(np.asarray(array, order="C")) for name, array in arrays.items()}
        outputs = await self._function(inputs)
        return {name: value.numpy() for name, value in outputs.items()}


def _tensor(name: str, told: Any) -> Tensor:
    return name, tuple(told.shape), str(told.dtype)


def _specialization(unit: str) -> Any:
    """Return the runtime's options for `unit`; None leaves the choice to it, which is all it offers beside macOS."""
    if not unit:
        return None
    from coreai.runtime import ComputeUnitKind, SpecializationOptions

    if unit == "CPU_ONLY":
        return SpecializationOptions.cpu_only()
    if unit == "ALL":
        return SpecializationOptions.default()
    kind = {"CPU_AND_GPU": ComputeUnitKind.gpu, "CPU_AND_NE": ComputeUnitKind.neural_engine}[unit]
    return SpecializationOptions.from_preferred_compute_unit_kind(kind())


def _description(path: Path) -> Description:
    from coreai.authoring import AIModelAsset

    asset = AIModelAsset.load(path)
    summary = asset.summary()
    if summary is None:
        raise ValueError("the file has no program in source form")
    module = asset.program._module._mlir_module
    text = str(module.operation.get_asm(large_elements_limit=_SHOWN_ELEMENTS, large_resource_limit=_SHOWN_ELEMENTS))
    return Description(dict(summary.operation_distribution), tuple(summary.compute_types), text)


if __name__ == "__main__":
    # The messages are looked up by their module's name, which for a program is another.
    from mlparity.targets.coreai import worker as coreai_worker

    serve(int(sys.argv[1]), coreai_worker.Runtime().answer)
