"""An ML Program whose weights are each stored in a way of its own, and the code that asks coremltools for that."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlparity.engine.mil.program import Op, TensorType
from mlparity.engine.reading import read_program
from mlparity.targets.coreml import palettes
from mlparity.targets.coreml.compression import LEFT_ALONE, compressed_by, refused
from mlparity.targets.coreml.compression_methods import method_of
from mlparity.targets.coreml.convert import save_model
from mlparity.targets.coreml.quiet_coremltools import quiet

AS_IT_IS = "fp16"
"""What is said of a weight that is not compressed."""


def weights_of(package: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights that coremltools compresses, by the names of their constants."""
    program = read_program(package)
    return {
        op.outputs[0].name: shape for op in program.functions[program.default_function].walk() for shape in _shape(op)
    }


def _shape(op: Op) -> Iterator[tuple[int, ...]]:
    kind = op.outputs[0].type if op.type == "const" and op.outputs else None
    if isinstance(kind, TensorType) and kind.dtype in ("fp16", "fp32") and kind.shape is not None:
        sizes = tuple(size or 1 for size in kind.shape)
        if len(sizes) > 1 and math.prod(sizes) > LEFT_ALONE:
            yield sizes


def stored_bytes(name: str, shape: tuple[int, ...]) -> float:
    """Return what a weight takes in a package, tables and scales with it.

    Source: the layouts of `constexpr_lut_to_dense` and `constexpr_blockwise_shift_scale`,
    https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html (iOS18).
    """
    count, channels = math.prod(shape), shape[0]
    if name == AS_IT_IS:
        return 2.0 * count
    method = method_of(name)
    if method.palette_bits:
        groups = channels // int(str(method.options.get("group_size", channels)))
        return count * method.palette_bits / 8 + 2.0 * groups * float(1 << method.palette_bits)
    bits = 4 if "int4" in name else 8
    block = int(str(method.options.get("block_size", 0)))
    return count * bits / 8 + 2.0 * (count / block if block else channels)


def can_store(name: str, shape: tuple[int, ...]) -> bool:
    """Return whether coremltools stores a weight of this shape so: groups and blocks have to divide its channels."""
    options = method_of(name).options
    group, block = (int(str(options.get(key, 1))) for key in ("group_size", "block_size"))
    return shape[0] % group == 0 and shape[0] >= group and (block == 1 or (shape[1] % block == 0))


def compress_layers(base: Path, path: Path, choice: Mapping[str, str]) -> None:
    """Write the package at `base` with each weight stored as `choice` says, by the name of its constant.

    Raises:
        ConversionError: coremltools refuses.
        OutputError: the package cannot be written.
    """
    methods = {layer: method_of(name) for layer, name in choice.items() if name != AS_IT_IS}
    with quiet() as coremltools, refused("the mixed compression"):
        model = coremltools.models.MLModel(str(base), skip_model_load=True)
        save_model(compressed_by(coremltools, model, methods) if methods else model, path)


_CODE = '''"""Compresses the weights of {base} as mlparity verified it: `python {script} {base} SMALL.mlpackage`."""

import sys
from functools import partial

import coremltools as ct
import coremltools.optimize.coreml as cto
{palettes}

# How each weight is stored, by the name of its constant; the others stay as they are.
CONFIGS = {{
{configs}}}


def compressed(model):
    for function in dict.fromkeys(function for function, _ in CONFIGS.values()):
        own = {{name: config for name, (made_by, config) in CONFIGS.items() if made_by is function}}
        model = function(model, cto.OptimizationConfig(global_config=None, op_name_configs=own))
    return model


if __name__ == "__main__":
    compressed(ct.models.MLModel(sys.argv[1], skip_model_load=True)).save(sys.argv[2])
'''


def compression_code(choice: Mapping[str, str], base: str, script: str) -> str:
    """Return Python code that compresses a package as `choice` says, with coremltools and numpy alone."""
    lines = [f"    {layer!r}: {_config(name)},  # {name}\n" for layer, name in choice.items() if name != AS_IT_IS]
    source = inspect.getsource(palettes)
    own = source[source.index("import numpy as np") :]
    return _CODE.format(base=base, script=script, palettes=own.rstrip(), configs="".join(lines))


def _config(name: str) -> str:
    method = method_of(name)
    given = [f"{key}={value!r}" for key, value in method.options.items()]
    if method.palette_bits:
        given = ['mode="custom"', f"lut_function=partial(palette, bits={method.palette_bits})", *given]
    return f"(cto.{method.function}, cto.{method.config}({', '.join(given)}))"
