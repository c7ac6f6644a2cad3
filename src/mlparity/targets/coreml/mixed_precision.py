"""Which ops of a package compute in fp32, which in fp16, and the code that asks coremltools for the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from mlparity.core.words import Precision
from mlparity.engine.mil.program import Op, Program, TensorType

_SUFFIX = "_cast_fp16"
"""What coremltools 9.0 appends to the name of an op that it turns into fp16."""

_NO_WORK = frozenset({"const", "cast", "identity"})


def float_ops(program: Program, precision: Precision) -> Iterator[Op]:
    """Yield the ops whose first result is of this type, but constants, casts and decompression."""
    for op in program.functions[program.default_function].walk():
        kind = op.outputs[0].type if op.outputs else None
        works = op.type not in _NO_WORK and not op.type.startswith("constexpr_")
        if works and isinstance(kind, TensorType) and kind.dtype == str(precision):
            yield op


def converter_name(op: Op) -> str:
    """Return an op's name in the package as it is before the program is turned into fp16."""
    return op.location.removesuffix(_SUFFIX)


_CODE = """import coremltools as ct

# An op is its type and its index among the ops of that type: names depend on how a model is traced.
FP32_OPS = {{
{ops}}}


def runs_in_fp16(op):
    alike = [other for other in op.enclosing_block.operations if other.op_type == op.op_type]
    return (op.op_type, alike.index(op)) not in FP32_OPS


compute_precision = ct.transform.FP16ComputePrecision(op_selector=runs_in_fp16)
"""


def selector_code(program: Program, names: Collection[str]) -> str:
    """Return Python code that makes `compute_precision` for `coremltools.convert`; `names` are among the program's."""
    if not names:
        return "import coremltools as ct\n\ncompute_precision = ct.precision.FLOAT16\n"
    counts: Counter[str] = Counter()
    lines = []
    for op in program.functions[program.default_function].body.ops:
        if converter_name(op) in names:
            lines.append(f'    ("{op.type}", {counts[op.type]}),  # {converter_name(op)}\n')
        counts[op.type] += 1
    return _CODE.format(ops="".join(lines))
