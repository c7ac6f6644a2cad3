"""Compresses the weights of an ML Program with coremltools: named ways as data, and a user's own function."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

from mlparity.core.errors import ConversionError, InputError
from mlparity.core.user_code import failing_as, import_module, said
from mlparity.engine.mil.program import Name, Op, TensorType
from mlparity.engine.reading import read_program
from mlparity.targets.compressor import Compression, CompressionRequest, OwnCompression
from mlparity.targets.coreml.compression_methods import Method, method_of
from mlparity.targets.coreml.convert import delete, save_model
from mlparity.targets.coreml.options import LOWEST_TARGET
from mlparity.targets.coreml.quiet_coremltools import quiet

LEFT_ALONE = 2048
"""coremltools leaves weights of at most so many elements as they are.

Source: https://apple.github.io/coremltools/source/coremltools.optimize.coreml.config.html (`weight_threshold`).
"""


def base_target(compression: Compression, asked: str | None) -> str | None:
    """Return the deployment target that the compression can be stored for: the one asked for where that will do."""
    if compression.function is not None:
        return asked
    needed = method_of(compression.name).target
    if needed == LOWEST_TARGET and asked is None:
        return None
    with quiet() as coremltools:
        targets = coremltools.target.__members__
        if asked is None or asked not in targets or int(targets[asked]) >= int(targets[needed]):
            return needed if asked is None else asked
    raise ConversionError(
        f"{compression.name} cannot be stored for {asked}",
        expected=f"{needed} or newer",
        next_step=f"give --target {needed}, or choose another compression, such as int8 or palettize4",
    )


def compress(request: CompressionRequest) -> Mapping[str, str]:
    """Write the package with compressed weights.

    Raises:
        ConversionError: coremltools refuses, or leaves every weight as it is.
        InputError: the function cannot be found, or returns no model.
        OutputError: the package cannot be written.
    """
    with quiet() as coremltools:
        model = coremltools.models.MLModel(str(request.base), skip_model_load=True)
        save_model(_made(coremltools, model, request.compression), request.path)
    before, after = stored_weights(request.base), stored_weights(request.path)
    if after == before and request.compression.function is None:
        delete(request.path)
        raise ConversionError(
            f"{request.compression.name} left every weight as it is",
            found=f"{before[1]} weights, of which {before[0]} are compressed already",
            expected=f"matrices of more than {LEFT_ALONE:,} elements that the compression can store",
            next_step="verify the model without it, or choose another compression",
        )
    return {"compression": request.compression.name, "compressed_weights": f"{after[0]} of {after[1]}"}


def _made(coremltools: Any, model: Any, compression: Compression) -> Any:
    if compression.function is not None:
        return _by_function(coremltools, model, compression.function)
    with refused(compression.name):
        return compressed_by(coremltools, model, {"": method_of(compression.name)})


def compressed_by(coremltools: Any, model: Any, methods: Mapping[str, Method]) -> Any:
    """Return the model with its weights stored by these methods: each by the name of its constant, "" for all."""
    cto, made = coremltools.optimize.coreml, model
    for function in dict.fromkeys(method.function for method in methods.values()):
        own = {name: method.configuration(cto) for name, method in methods.items() if method.function == function}
        whole = own.pop("", None)
        made = getattr(cto, function)(made, cto.OptimizationConfig(global_config=whole, op_name_configs=own or None))
    return made


@contextmanager
def refused(name: str) -> Iterator[None]:
    """Let whatever coremltools raises inside the block become an error of ours with the next step."""

    def failure(error: BaseException) -> ConversionError:
        needed = re.search(r"iOS\d+", str(error))
        newer = f"give --target {needed[0]}, or " if needed else ""
        return ConversionError(
            f"coremltools refuses {name}", found=said(error), next_step=f"{newer}choose another compression"
        )

    with failing_as(failure):
        yield


def _by_function(coremltools: Any, model: Any, function: str | OwnCompression) -> Any:
    own = _imported(function) if isinstance(function, str) else function
    name = function if isinstance(function, str) else getattr(function, "__qualname__", repr(function))

    def failure(error: BaseException) -> ConversionError:
        return ConversionError(f"the compression {name} failed", found=said(error), next_step="correct the function")

    with failing_as(failure):
        made = own(model)
    if not isinstance(made, coremltools.models.MLModel) or made.get_spec().WhichOneof("Type") != "mlProgram":
        raise InputError(
            f"the compression {name} returns no ML Program",
            found=type(made).__name__,
            expected="the coremltools.models.MLModel that it was given, with other weights",
            next_step="return the compressed model",
        )
    return made


def _imported(spec: str) -> OwnCompression:
    module, _, name = spec.rpartition(":")

    def failure(error: BaseException) -> InputError:
        return InputError(
            f"{spec} names no function that compresses",
            found=said(error),
            expected="package.module:function or file.py:function, from a coremltools model to a coremltools model",
            next_step="check that the module can be imported from where mlparity runs",
        )

    with failing_as(failure):
        found = attrgetter(name)(import_module(module))
        if not callable(found):
            raise TypeError(f"{name} is a {type(found).__name__}, and no function")
    return found  # type: ignore[no-any-return]  # seen to be callable


def stored_weights(package: Path) -> tuple[int, int]:
    """Return how many weights of a package are compressed, and how many it has that are or could be."""
    program = read_program(package)
    ops = [op for function in program.functions.values() for op in function.walk()]
    expanding = [op for op in ops if op.type.startswith("constexpr_") and op.type != "constexpr_cast"]
    inner = {each.name for op in expanding for given in op.inputs.values() for each in given if isinstance(each, Name)}
    compressed = sum(op.outputs[0].name not in inner for op in expanding)
    plain = sum(op.type == "const" and op.outputs[0].name not in inner and _is_large(op) for op in ops)
    return compressed, compressed + plain


def _is_large(op: Op) -> bool:
    kind = op.outputs[0].type
    if not isinstance(kind, TensorType) or kind.dtype not in ("fp16", "fp32") or kind.shape is None:
        return False
    return len(kind.shape) > 1 and math.prod(size or 1 for size in kind.shape) > LEFT_ALONE
