"""Runs an `.aimodel` with Core AI's own runtime, in a process of its own.

The runtime writes to the terminal without asking, and its beta may crash or hang on a model; in another process
neither reaches the user's.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import numpy as np

from mlparity.core.errors import BackendUnavailableError, ExecutionError, FormatError
from mlparity.core.regular_files import check_members
from mlparity.core.session import Availability, Closing, Outputs, Sample, Signature, TensorSpec
from mlparity.core.words import ComputeUnit
from mlparity.sessions.isolated import TIME_LIMIT, RefusedError, Worker
from mlparity.targets.coreai.worker import Describe, Description, Load, Loaded, Run, Tensor

HOW_TO_GET = "pip install 'mlparity[coreai]' (Linux on x86-64 with glibc 2.34, or macOS 26 on Apple silicon, or newer)"
"""Where wheels exist. Source: the tags of coreai-core 1.0.0b3, `manylinux_2_34_x86_64` and `macosx_26_0_arm64`."""

_OWN_UNITS = 27
"""The macOS from which its own Core AI runs models, on chosen units. Source: coreai-core 1.0.0b3, runtime/__init__."""

_PROGRAM, _ABOUT = "main.mlirb", "metadata.json"
"""What an `.aimodel` folder holds at least."""


def probe() -> Availability:
    """Tell whether Core AI's runtime is installed; nothing is imported."""
    if find_spec("coreai") is None:
        return Availability(ok=False, why=f"coreai-core is not installed: {HOW_TO_GET}")
    return Availability(ok=True)


def chooses_units() -> bool:
    """Tell whether Core AI takes compute units on this platform."""
    return sys.platform == "darwin" and int(platform.mac_ver()[0].split(".")[0]) >= _OWN_UNITS


def open(  # noqa: A001 - every backend has `open`
    path: str | Path,
    *,
    unit: ComputeUnit | None = None,
    input_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    time_limit: float = TIME_LIMIT,
    show_log: bool = False,
) -> CoreaiSession:
    """Load an `.aimodel` folder and compile it for this machine.

    `input_names` and `output_names` are the source's; where the file has other names, they replace its own by
    position. `unit` is a preference and works where `chooses_units` says so; only `CPU_ONLY` binds. `time_limit` is
    in seconds, for loading and for each run. With `show_log` the runtime's messages go to stderr.

    Raises:
        BackendUnavailableError: Core AI is not installed, or offers no compute units here.
        FormatError: no such folder, no `.aimodel`, damaged, with state, or other numbers of inputs or outputs.
        ExecutionError: the runtime crashed or took longer than `time_limit`.
    """
    folder = _checked(Path(path))
    if unit is not None and not chooses_units():
        raise BackendUnavailableError(
            "Core AI takes compute units on macOS alone",
            expected=f"macOS {_OWN_UNITS} or newer",
            next_step="leave the compute units out: here the runtime runs on the CPU",
        )
    worker = _worker(folder, time_limit, show_log=show_log)
    try:
        loaded = cast("Loaded", worker.ask(Load(folder.absolute(), "" if unit is None else str(unit))))
        return CoreaiSession(worker, folder, loaded, tuple(input_names), tuple(output_names), unit)
    except RefusedError as error:
        worker.close()
        raise _unreadable(folder, str(error)) from error
    except BaseException:
        worker.close()
        raise


def describe(path: str | Path, *, time_limit: float = TIME_LIMIT) -> Description:
    """Return the ops, the types and the text of the program in an `.aimodel` folder.

    Raises:
        BackendUnavailableError: Core AI is not installed.
        FormatError: no such folder, no `.aimodel`, or damaged.
        ExecutionError: Core AI crashed or took longer than `time_limit` seconds.
    """
    folder = _checked(Path(path))
    worker = _worker(folder, time_limit)
    try:
        return cast("Description", worker.ask(Describe(folder.absolute())))
    except RefusedError as error:
        raise _unreadable(folder, str(error)) from error
    finally:
        worker.close()


class CoreaiSession(Closing):
    """A loaded `.aimodel`; its function `main` is run."""

    def __init__(
        self,
        worker: Worker,
        path: Path,
        loaded: Loaded,
        input_names: tuple[str, ...],
        output_names: tuple[str, ...],
        unit: ComputeUnit | None = None,
    ) -> None:
        """Hold a worker that has loaded the file; see `open`."""
        if loaded.states:
            raise FormatError(
                "the model keeps state between runs, which is not supported",
                where=str(path),
                found=", ".join(loaded.states),
                next_step="convert the model with its state as inputs and outputs",
            )
        self._worker, self._path, self._unit = worker, path, unit
        self._inputs = _renamed(loaded.inputs, input_names, path, "inputs")
        self._outputs = _renamed(loaded.outputs, output_names, path, "outputs")

    @property
    def signature(self) -> Signature:
        """The names, shapes and types of the file."""
        return Signature(
            tuple(port.spec for port in self._inputs),
            tuple(port.spec for port in self._outputs),
        )

    @property
    def runtime(self) -> str:
        """Core AI's version, and where it runs."""
        if chooses_units():
            on = "" if self._unit is None else f", {self._unit}"
            return f"Core AI of macOS {platform.mac_ver()[0]}, {platform.machine()}{on}"
        return f"Core AI {_version()} (CPU)"

    def run(self, sample: Sample) -> Outputs:
        """Return the outputs of one sample.

        Raises:
            ExecutionError: the runtime refuses, crashes or takes longer than the time limit.
        """
        arrays = {port.own_name: np.asarray(sample[port.spec.name]) for port in self._inputs}
        try:
            outputs = cast("Outputs", self._worker.ask(Run(arrays)))
        except RefusedError as error:
            raise ExecutionError("Core AI failed", where=str(self._path), found=str(error)) from error
        return {port.spec.name: outputs[port.own_name] for port in self._outputs if port.own_name in outputs}

    @property
    def own_names(self) -> tuple[dict[str, str], dict[str, str]]:
        """The file's names of the inputs and of the outputs, in its order, by the names of the signature."""
        first, second = ({port.spec.name: port.own_name for port in ports} for ports in (self._inputs, self._outputs))
        return first, second

    def ask(self, message: object) -> object:
        """Return the answer of the runtime's process to a message.

        Raises:
            RefusedError: it says why not.
            ExecutionError: it crashed or took too long.
        """
        return self._worker.ask(message)

    def close(self) -> None:
        """End the runtime's process."""
        self._worker.close()


@dataclass(frozen=True, slots=True)
class _Port:
    """One input or output: its name in the file, and its spec under the source's name."""

    own_name: str
    spec: TensorSpec


def _worker(folder: Path, time_limit: float, *, show_log: bool = False) -> Worker:
    available = probe()
    if not available.ok:
        raise BackendUnavailableError(available.why)
    return Worker("mlparity.targets.coreai.worker", str(folder), time_limit=time_limit, show_log=show_log)


def _checked(path: Path) -> Path:
    try:
        check_members(path)
    except FileNotFoundError as error:
        raise FormatError(f"there is no folder {path}", expected="an .aimodel folder") from error
    missing = [name for name in (_PROGRAM, _ABOUT) if not (path / name).is_file()]
    if missing:
        raise FormatError(
            "this is no Core AI model",
            where=str(path),
            found=f"no {' and no '.join(missing)} in it",
            expected="an .aimodel folder as coreai-torch saves it",
        )
    return path


def _unreadable(path: Path, found: str) -> FormatError:
    return FormatError(
        "Core AI cannot load the model", where=str(path), found=found, next_step="convert the model again"
    )


def _renamed(tensors: tuple[Tensor, ...], names: tuple[str, ...], path: Path, what: str) -> tuple[_Port, ...]:
    own = {tensor[0]: tensor for tensor in tensors}
    if not names or set(names) == set(own):
        return tuple(_port(name, own[name]) for name in (names or tuple(own)))
    if len(names) != len(tensors):
        raise FormatError(
            f"the file has other {what} than the source",
            where=str(path),
            found=", ".join(own),
            expected=", ".join(names),
        )
    return tuple(_port(name, tensor) for name, tensor in zip(names, tensors, strict=True))


def _port(name: str, tensor: Tensor) -> _Port:
    own_name, shape, dtype = tensor
    return _Port(own_name, TensorSpec(name, shape, _KNOWN.get(dtype, dtype) if _is_numpy(dtype) else ""))


_KNOWN = {"boolean": "bool"}


def _is_numpy(dtype: str) -> bool:
    try:
        np.dtype(_KNOWN.get(dtype, dtype))
    except TypeError:
        return False
    return True


@cache
def _version() -> str:
    """Return the runtime's version; every run asks, and the package's files are read once."""
    return version("coreai-core")
