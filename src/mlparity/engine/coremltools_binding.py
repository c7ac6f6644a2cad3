"""What coremltools expects of its native library, on our engine: `MLModel.predict` on any machine."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from mlparity.core.errors import ExecutionError, MlparityError
from mlparity.core.words import ComputeUnit
from mlparity.engine import coremltools_plan as plans

if TYPE_CHECKING:
    import numpy as np

    from mlparity.engine.mil.program import Function
    from mlparity.engine.placement.variants import Choice
    from mlparity.engine.runtime.interpret import Tap
    from mlparity.engine.runtime.model import Model, Pipeline
    from mlparity.engine.runtime.package import Package
    from mlparity.engine.runtime.states import ModelState

T = TypeVar("T")

_LIBRARY = "coremltools.libcoremlpython"

_USERS = (
    "coremltools.models.model",
    "coremltools.models._compiled_model",
    "coremltools.models.compute_device",
    "coremltools.models.compute_plan",
)
"""The modules of coremltools 9 that hold names of the native library once they are imported."""


_CORE_ML_SINCE = (15, 0)

_PLATFORM_CHECKS: Mapping[str, Mapping[str, Callable[[], object]]] = {
    "coremltools.models.utils": {"_macos_version": lambda: _CORE_ML_SINCE},
    "coremltools.models.model": {"_macos_version": lambda: _CORE_ML_SINCE, "_is_macos": lambda: True},
    "coremltools.models._compiled_model": {"_macos_version": lambda: _CORE_ML_SINCE},
}

_FAILED = "Unable to compute the prediction using ML Program."
"""How Core ML begins the report of a run that failed, on which programs match. Source: coremltools 9.0,
`converters/mil/mil/ops/tests/iOS17/test_scatter_gather.py`."""

_COMPUTE_UNITS = ("ALL", "CPU_AND_GPU", "CPU_AND_NE", "CPU_ONLY")


class CoreMLModelProxy:
    """One loaded model, with the methods that `coremltools.models.MLModel` calls.

    Source: coremltools 9.0, `coremltools/models/model.py` (the calls and their arguments).
    """

    def __init__(
        self, path: str, compute_units: str, function: str, hints: Mapping[str, str], asset: object | None
    ) -> None:
        """Load and bind the model at `path`; RuntimeError says why not, which coremltools turns into a warning."""
        _pass_for_core_ml()
        if isinstance(asset, plans.AssetProxy):
            path = str(asset.path)
        self.compute_units, self.hints = compute_units, dict(hints)
        started = time.perf_counter_ns()
        named = function if function else None
        low_precision = self.hints.get(_LOW_PRECISION) == str(True)
        self._model = _as_runtime_error(lambda: _load(Path(path), compute_units, named, low_precision=low_precision))
        # coremltools deletes the file of a bare specification as soon as it is loaded.
        self._kept = _linked(Path(path)) if Path(path).is_file() else None
        self._path = path if self._kept is None else str(Path(self._kept.name) / Path(path).name)
        self._compiled = path if path.endswith(".mlmodelc") else None
        self._load_ns, self._predict_ns = time.perf_counter_ns() - started, 0

    @staticmethod
    def maximum_supported_specification_version() -> int:
        """Return the newest specification version that the engine reads."""
        from mlparity.engine.mil.spec import MAX_SPEC_VERSION

        return MAX_SPEC_VERSION

    def predict(self, data: Mapping[str, object], state: object | None = None) -> dict[str, object]:
        """Return the outputs for one set of features; `state` is what `newState` gave."""
        if state is not None and not isinstance(state, StateProxy):
            raise RuntimeError("the state is not one that this model's make_state() gave")
        held = None if state is None else state.held
        started = time.perf_counter_ns()
        outputs = _as_runtime_error(lambda: self._model.predict(data, held))
        self._predict_ns = time.perf_counter_ns() - started
        _slow.count(self._predict_ns)
        return outputs

    def batchPredict(self, data: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:  # noqa: N802  coremltools' name
        """Return the outputs for each set of features, one after the other."""
        return [self.predict(sample) for sample in data]

    def newState(self) -> StateProxy:  # noqa: N802  coremltools' name
        """Return a new state, all zero."""
        return StateProxy(_as_runtime_error(self._model.make_state))

    def get_load_duration_in_nano_seconds(self) -> int:
        """Return how long loading and binding took on this machine; it says nothing of a device."""
        return self._load_ns

    def get_last_predict_duration_in_nano_seconds(self) -> int:
        """Return how long the last prediction took on this machine; it says nothing of a device."""
        return self._predict_ns

    def let_go(self) -> None:
        """Let the system take back the memory of weight files; what a run still needs of them is read again."""
        self._model.let_go()

    @staticmethod
    def compileModel(path: str) -> str:  # noqa: N802  coremltools' name
        """Return a new folder `.mlmodelc` that this engine loads; see `mil/compiled.py` for what it is not."""
        from mlparity.engine.mil.compiled import compile_package

        return str(_as_runtime_error(lambda: compile_package(Path(path))))

    @staticmethod
    def get_model_structure(path: str) -> object:
        """Return the `MLModelStructure` of a model."""
        return _as_runtime_error(lambda: plans.structure_of(Path(path)))

    @staticmethod
    def get_compute_plan(path: str, compute_units: str) -> object:
        """Return the `MLComputePlan` of a model, estimated for the chip that was chosen."""
        _pass_for_core_ml()
        return _as_runtime_error(lambda: plans.plan_of(Path(path), ComputeUnit(compute_units), _chip()))

    @staticmethod
    def get_all_compute_devices() -> list[object]:
        """Return the processors of the chosen chip."""
        return plans.devices_of(ComputeUnit.ALL if _plain.get("chip", _DEFAULT) else ComputeUnit.CPU_ONLY)

    @staticmethod
    def get_available_compute_devices() -> list[object]:
        """Return the processors of the chosen chip: each is available."""
        return CoreMLModelProxy.get_all_compute_devices()

    @staticmethod
    def create_model_asset_from_path(path: str) -> object:
        """Return the `MLModelAsset` of a model on disk."""
        return _as_runtime_error(lambda: plans.asset_of(path))

    @staticmethod
    def create_model_asset_from_memory(spec: bytes, blobs: Mapping[str, bytes]) -> object:
        """Return the `MLModelAsset` of a specification in memory and the files that it refers to."""
        return _as_runtime_error(lambda: plans.asset_from(spec, blobs))

    def get_compiled_model_path(self) -> str:
        """Return where the model lies as a folder `.mlmodelc` of this engine's; it is made when first asked for."""
        if self._compiled is None:
            self._compiled = self.compileModel(self._path)
        return self._compiled


def _linked(path: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a new folder with another name of the same file; a copy where links are not possible."""
    folder = tempfile.TemporaryDirectory(prefix="mlparity-spec-")
    kept = Path(folder.name) / path.name
    try:
        kept.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, kept)
    return folder


class StateProxy:
    """The state of one model, with the methods that `coremltools.models.model.MLState` calls."""

    def __init__(self, held: ModelState) -> None:
        """Keep the engine's state."""
        self.held = held

    def read_state(self, name: str) -> np.ndarray:
        """Return a copy of what the state `name` holds."""
        return _as_runtime_error(lambda: self.held.read(name))

    def write_state(self, name: str, value: object) -> None:
        """Let the state `name` hold `value`."""
        _as_runtime_error(lambda: self.held.write(name, value))


def _as_runtime_error(action: Callable[[], T]) -> T:
    """Run `action`; coremltools knows RuntimeError alone, so our errors go out as its cause."""
    try:
        return action()
    except ExecutionError as error:
        raise RuntimeError(f"{_FAILED}\n{error}") from error
    except MlparityError as error:
        raise RuntimeError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What models are to run in: from a function and the compute units to the profiles of its ops, and who watches."""

    choose: Callable[[Function, str], Choice]
    tap: Tap | None = None


class _Slow:
    """Says once that plain arithmetic is faster, when predictions in a chip's own have taken long together."""

    def __init__(self) -> None:
        self.spent_ns = 0
        self.is_told = False

    def count(self, ns: int) -> None:
        self.spent_ns += ns
        chip = _plain.get("chip")
        if self.is_told or chip is None or _asked.get() is not None or self.spent_ns < _LONG_NS:
            return
        self.is_told = True
        logging.getLogger("mlparity").warning(
            "mlparity: predictions have taken %.0f s in the exact arithmetic of %s; plain arithmetic is faster:"
            " `mlparity exec --chip none`, or enable_coremltools(chip=None)",
            self.spent_ns / 1e9,
            chip,
        )


_slow = _Slow()
_LONG_NS = 8_000_000_000
"""How long predictions take together before somebody is told (assumed: nothing is silent for ten seconds)."""

_asked: ContextVar[Arithmetic | None] = ContextVar("arithmetic", default=None)
_plain: dict[str, str | None] = {}
"""The chip that `enable_coremltools` was last given."""


_DEFAULT = "M4"
"""Whose processors there are before a chip was chosen."""


def _chip() -> str:
    """Return the chosen chip; where plain arithmetic was chosen, the default one, for a plan has to be of some chip."""
    return _plain.get("chip", _DEFAULT) or _DEFAULT


_LOW_PRECISION = "allowLowPrecisionAccumulationOnGPU"
"""The optimization hint that lets a GPU sum in fp16. Source: coremltools 9.0, `MLModel`."""


def _load(path: Path, compute_units: str, function: str | None, *, low_precision: bool) -> Model | Pipeline:
    from mlparity.engine.runtime import model
    from mlparity.engine.runtime.package import open_stages

    if compute_units not in _COMPUTE_UNITS:
        raise RuntimeError(f"unknown compute units {compute_units!r}, expected one of {', '.join(_COMPUTE_UNITS)}")
    stages, interface = open_stages(path)
    models = tuple(_bound(stage, compute_units, function, low_precision=low_precision) for stage in stages)
    return models[0] if len(models) == 1 else model.Pipeline(models, interface)


def _bound(package: Package, compute_units: str, function: str | None, *, low_precision: bool) -> Model:
    from mlparity.engine.placement.variants import DEFAULT_CHIP, plain_choice

    asked = _asked.get()
    named = package.function(function)
    if asked is None:
        chip = _plain.get("chip", DEFAULT_CHIP)
        choice = plain_choice(named, compute_units, chip, low_precision=low_precision)
        return package.model(function, choice.profile, choice.profiles)
    choice = asked.choose(named, compute_units)
    return package.model(function, choice.profile, choice.profiles, asked.tap)


@contextmanager
def arithmetic(asked: Arithmetic) -> Iterator[None]:
    """Let the models that are loaded within the block run in `asked`, whatever chip a plain prediction has."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def enable_coremltools(chip: str | None = "M4") -> bool:
    """Let `coremltools.models.MLModel` predict with mlparity's engine, on any machine; return whether it does.

    Models that are loaded from now on are affected. fp16 models are run with the arithmetic most likely used by the
    compute units of `chip`. fp32 models, and all models if `chip` is None, are run in reference arithmetic: each value
    in its declared type, sums in fp32. It can be called before or after coremltools is imported, and more than once. On
    macOS it does nothing and says so, because Core ML itself predicts there.

    Raises:
        InputError: the chip is unknown.
    """
    if sys.platform == "darwin":
        logging.getLogger("mlparity").warning(
            "enable_coremltools() does nothing on macOS: Core ML itself predicts here"
        )
        return False
    if chip is not None:
        from mlparity.engine.placement.variants import check_chips

        check_chips((chip,))
    _plain["chip"] = chip
    install()
    return True


def install() -> None:
    """Stand in for coremltools' native library, wherever it has been or will be imported; on macOS do nothing."""
    if sys.platform == "darwin":
        return
    library = sys.modules.setdefault(_LIBRARY, _Library(_LIBRARY))
    for name in _USERS:
        if name in sys.modules:
            _replace(sys.modules[name], _Library.exports)
    _pass_for_core_ml()
    if "coremltools" in sys.modules:
        vars(sys.modules["coremltools"])["libcoremlpython"] = library


def let_go(model: object) -> None:
    """Let the system take back the memory of the weight files of an `MLModel`, where this engine runs it."""
    proxy = getattr(model, "__proxy__", None)
    if isinstance(proxy, CoreMLModelProxy):
        proxy.let_go()


def _replace(module: ModuleType, exports: Mapping[str, object]) -> None:
    vars(module).update({name: value for name, value in exports.items() if hasattr(module, name)})


def _pass_for_core_ml() -> None:
    """Let coremltools take this machine for one that has Core ML, wherever it asks before it predicts.

    Else `predict` of a model that did not load hides the reason, and `make_state`, `compile_model` and
    `CompiledMLModel` refuse to begin. Source: coremltools 9.0, the modules in `_PLATFORM_CHECKS`.
    """
    for name, checks in _PLATFORM_CHECKS.items():
        if name in sys.modules:
            vars(sys.modules[name]).update(checks)


class _Library(ModuleType):
    """The stand-in for the native library; what it lacks is None, which coremltools takes as "not here"."""

    exports: Mapping[str, object] = {
        "_MLModelProxy": CoreMLModelProxy,
        "_MLModelAssetProxy": plans.AssetProxy,
        "_MLComputePlanProxy": plans.AnyPlanProxy,
        "_MLCPUComputeDeviceProxy": plans.CPUDevice,
        "_MLGPUComputeDeviceProxy": plans.GPUDevice,
        "_MLNeuralEngineComputeDeviceProxy": plans.NeuralEngineDevice,
    }

    def __getattr__(self, name: str) -> object:
        """Give out a name; whichever module asks is imported by now, so its checks of the platform can be answered."""
        if name not in self.exports:
            raise AttributeError(name)
        _pass_for_core_ml()
        return self.exports[name]
