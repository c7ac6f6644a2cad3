"""Single values through single ops, as devices computed them, against the unit profile for that chip and processor.

Every row becomes a small program that is bound to the unit profile's profile and run by the engine's interpreter. A row
says in words what it feeds and what came back; `READERS` turns each form into numbers, whatever the row's name is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from mlparity.core.errors import MlparityError
from mlparity.engine.mil.program import Op, Program, TensorType
from mlparity.engine.numerics.unit_profiles import UnitProfile
from mlparity.engine.runtime.bind import bind
from tests.engine.runtime.programs import computed, op, program, tensor
from tests.evidence.tables import rows_of, unit_profile_of, value_of

CSV = Path(__file__).with_name("corner_cases.csv")
COLUMNS = ("id", "chip", "unit", "op", "op_params", "inputs", "output")

KNOWN_MISSES: Mapping[str, str] = {
    "aneg.sum4096": "4096 plus 1024 ones came to 5116 on one M1; fixed point, which M1's matrix products follow to "
    "13 digits, gives 5120. Perhaps another lowering of that sum, in tiles",
    "aneg.triple4096": "4 of 16 ones survived beside 4096 - 4096 on one M1; fixed point keeps all 16, as at 3000",
    "aneg.conv1x1_cin1.60000": "a 1 by 1 convolution of one channel stayed finite on M1, past the accumulator's limit: "
    "perhaps lowered to a scaling. One row of one source",
}
"""Rows that no unit profile reproduces, and what is known of the reason."""


@dataclass(frozen=True)
class Outcome:
    """One row: what the device gave and what the unit profile gives; `error` where the row could not be run."""

    row: Mapping[str, str]
    unit_profile: UnitProfile
    found: str
    agrees: bool


Verdict = tuple[str, bool]


def outcomes(path: Path) -> Iterator[Outcome]:
    """Yield each row's outcome; a form that is not known counts as a miss, never as an agreement."""
    for row in rows_of(path, COLUMNS):
        unit_profile = unit_profile_of(row)
        try:
            found, agrees = READERS[row["op"]](row, unit_profile)
        except (KeyError, ValueError, TypeError, IndexError, MlparityError) as error:
            found, agrees = f"not read: {type(error).__name__}: {error}", False
        yield Outcome(row, unit_profile, found, agrees)


def run(unit_profile: UnitProfile, kind: str, fed: Mapping[str, np.ndarray], **constants: object) -> np.ndarray:
    """Run one op at iOS18: `fed` become inputs of the program, the others constants."""
    declared = tuple(tensor(f"in_{name}", "fp16", *value.shape) for name, value in fed.items())
    given = {name: f"%in_{name}" for name in fed} | constants
    made = program(declared, _without_shapes((op(kind, tensor("out", "fp16"), **given),)), ("out",), 18)
    return _run(unit_profile, made, {f"in_{name}": value for name, value in fed.items()})


def _without_shapes(ops: tuple[Op, ...]) -> tuple[Op, ...]:
    """Leave the shapes of results open: a row states inputs alone."""
    return tuple(
        replace(
            each,
            outputs=tuple(
                replace(out, type=TensorType(out.type.dtype, None)) if isinstance(out.type, TensorType) else out
                for out in each.outputs
            ),
        )
        for each in ops
    )


def _run(unit_profile: UnitProfile, made: Program, fed: Mapping[str, np.ndarray]) -> np.ndarray:
    plan = bind(made, unit_profile.profile)
    with torch.inference_mode():
        outputs = computed(plan, {name: torch.from_numpy(value).float() for name, value in fed.items()})
    with np.errstate(over="ignore"):
        return outputs["out"].numpy().astype(np.float16)


def number(text: object) -> np.float16:
    """Return an fp16 number: decimal, or its bits as 0x...."""
    said = str(text)
    if said.lower().startswith("0x"):
        return np.array([int(said, 16)], np.uint16).view(np.float16)[0]
    with np.errstate(over="ignore"):
        return np.float16(value_of(said))


def same(found: float, stated: str) -> Verdict:
    """Compare with a printed number to the bit, or to its digits where it is printed with few; zeros are equal."""
    wanted = value_of(stated)
    if math.isnan(wanted) or math.isnan(found):
        return str(found), math.isnan(wanted) and math.isnan(found)
    digits = len(re.sub(r"e.*$", "", stated).lstrip("-0.").replace(".", ""))
    exact = float(np.float16(wanted)) == wanted or math.isinf(wanted) or "^" in stated
    return str(found), found == wanted if exact else f"{found:.{digits}g}" == f"{wanted:.{digits}g}"


def _channels(said: Mapping[str, object], count: int) -> np.ndarray:
    """Return one number a channel from a list, a mapping by channel, or bits; the others are 0."""
    given = said.get("x_hex") or said["x_ch"]
    places = given.items() if isinstance(given, dict) else enumerate(given)  # type: ignore[arg-type]
    values = np.zeros(count, np.float16)
    for place, value in places:
        values[int(place)] = number(value)
    return values


def conv(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """A convolution of one pixel: weights all ones, or one weight in channel 0, or a list by channel."""
    parameters, said = json.loads(row["op_params"]), json.loads(row["inputs"])
    count = parameters["cin"]
    values = _channels(said, count)
    weight = np.zeros((1, count, 1, 1), np.float16)
    stated = said.get("w_hex", said["w"])
    if isinstance(stated, str) and "ones" in stated:
        weight[:] = 1
    elif isinstance(stated, list | dict):
        weight[0, :, 0, 0] = _channels({"x_ch": stated}, count)
    else:
        weight[0, 0] = number(stated)
    bias = parameters.get("bias_hex", parameters.get("bias"))
    extra = {} if bias is None else {"bias": np.array([number(bias)])}
    found = run(unit_profile, "conv", {"x": values.reshape(1, count, 1, 1)}, weight=weight, **extra)
    return same(float(found.item()), row["output"])


def pair(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """An op of two numbers, given apart or as one text."""
    said = json.loads(row["inputs"])
    if "a" in said:
        a, b = number(said.get("a_hex", said["a"])), number(said.get("b_hex", said["b"]))
    else:
        a, b = (number(each) for each in re.split(r"\s+[-*+]\s+", said["x"], maxsplit=1))
    found = run(unit_profile, row["op"], {"x": np.array([a]), "y": np.array([b])})
    return same(float(found.item()), row["output"])


def weights_int8(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """Quantize, dequantize, and convolve with int8 weights: one pixel, `kernel` rows high."""
    parameters, said = json.loads(row["op_params"]), json.loads(row["inputs"])
    high, wide = parameters["kernel"]
    count = parameters["cin"]
    weight = _int8_pattern(said["w_q"], count, high, wide)
    steps = (np.float16(parameters["scale_x"]), np.float16(parameters["scale_w"]))
    x = np.full((1, count, high, wide), np.float16(said["x_q"] * float(steps[0])), np.float16)
    body = (
        op("quantize", tensor("q", "int8"), input="%x", scale=np.array(steps[0]), output_dtype="int8"),
        op("dequantize", tensor("d", "fp16"), input="%q", scale=np.array(steps[0])),
        op("constexpr_blockwise_shift_scale", tensor("w", "fp16"), data=weight, scale=np.full((1, 1, 1, 1), steps[1])),
        op("conv", tensor("out", "fp16"), x="%d", weight="%w"),
    )
    made = program((tensor("x", "fp16", *x.shape),), _without_shapes(body), ("out",), 18)
    return same(float(_run(unit_profile, made, {"x": x}).item()), row["output"])


def _int8_pattern(said: str, channels: int, high: int, wide: int) -> np.ndarray:
    """Read "all N", "first half N, second half M" over channels, and "rows even N, odd M" over the kernel."""
    numbers = [int(each) for each in re.findall(r"[+-]\d+", said)]
    weight = np.empty((1, channels, high, wide), np.int8)
    if "half" in said:
        weight[:, : channels // 2], weight[:, channels // 2 :] = numbers
    elif "even" in said:
        weight[:, :, 0::2], weight[:, :, 1::2] = numbers
    else:
        (weight[:],) = numbers
    return weight


def cliff(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """Equal terms times ones: the last total that is finite, and the first that is not."""
    count = json.loads(row["op_params"])["shape_x"][1]
    finite, infinite = (float(each) for each in re.findall(r"<=([\d.]+)", row["output"]))

    def total(value: float) -> float:
        terms = np.full((1, count), np.float16(value / count), np.float16)
        return float(run(unit_profile, "matmul", {"x": terms}, y=np.ones((count, 16), np.float16))[0, 0])

    below, above = total(finite), total(infinite)
    return f"{below} at {finite}; {above} at {infinite}", math.isfinite(below) and math.isinf(above)


_DENORMAL = 2.0**-15
TERMS: Mapping[str, Callable[[re.Match[str]], list[float]]] = {
    r"(\d+) ones$": lambda found: [1.0] * int(found[1]),
    r"\[([^]]*)\] \+ \[([^]]*)\]\*(\d+)": lambda f: _listed(f[1]) + _listed(f[2]) * int(f[3]),
    r"\[([^]]*)\]\*(\d+)$": lambda found: _listed(found[1]) * int(found[2]),
    r"partial (\d+)": lambda found: [float(found[1]) - 1, 1.0],
    r"two denormals": lambda _: [2.0**-24] * 2,
    r".*\((\d+),\s*(\d+) x(\d+)\)": lambda f: [float(f[1]), *[float(f[2])] * int(f[3])],
    r"(\d+) total": lambda found: [float(found[1])],
}
"""How sums are said in words, and their terms."""


def _listed(said: str) -> list[float]:
    return [value_of(each) for each in said.split(",")]


def terms_of(said: str) -> np.ndarray:
    """Return the terms of a sum that is said in words."""
    for form, build in TERMS.items():
        match = re.match(form, said)
        if match:
            return np.array(build(match), np.float16)
    raise ValueError(f"no known form: {said!r}")


def ones(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """A matrix product with ones; "preserved" asks that a denormal number passes: no product of two is a number."""
    said = json.loads(row["inputs"])["x"]
    if row["output"] == "preserved":
        small = np.full((1, 1), _DENORMAL, np.float16)
        kept = run(unit_profile, "matmul", {"x": small}, y=np.ones((1, 16), np.float16))[0, 0]
        return str(kept), kept == np.float16(_DENORMAL)
    values = terms_of(said).reshape(1, -1)
    found = run(unit_profile, "matmul", {"x": values}, y=np.ones((values.size, 16), np.float16))
    return same(float(found[0, 0]), row["output"])


def total(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """A sum along an axis; "N then inf above" asks for the next total too."""
    values = terms_of(json.loads(row["inputs"])["x"])
    found = float(run(unit_profile, "reduce_sum", {"x": values}, axes=np.array([0], np.int32)).item())
    if "then inf" not in row["output"]:
        return same(found, row["output"])
    above = np.append(values, np.float16(32))
    beyond = float(run(unit_profile, "reduce_sum", {"x": above}, axes=np.array([0], np.int32)).item())
    return f"{found}, then {beyond}", found == float(row["output"].split()[0]) and math.isinf(beyond)


def crop(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """A slice of the width at an offset: which values survive."""
    said, output = json.loads(row["inputs"])["x"], row["output"]
    parameters = json.loads(row["op_params"])
    shape, left = parameters.get("shape", [1, 1, 1, 8]), parameters.get("crop_left", 1)

    def cropped(value: float) -> float:
        x = np.zeros(shape, np.float16)
        x[..., shape[-1] // 2] = value
        size = np.array([*shape[:-1], shape[-1] - left], np.int32)
        begin = np.array([0] * (len(shape) - 1) + [left], np.int32)
        return float(np.abs(run(unit_profile, "slice_by_size", {"x": x}, begin=begin, size=size)).max())

    limit = re.search(r"v>([\d.]+)|up to ([\d.]+)", output)
    if limit is None:
        found = cropped(value_of(said))
        return str(found), math.isfinite(found) == ("finite" in output)
    last = float(limit[1] or limit[2])
    found, beyond = cropped(last), cropped(float(np.nextafter(np.float16(last), np.float16(np.inf))))
    return f"{found}, then {beyond}", math.isfinite(found) and math.isinf(beyond) == (limit[1] is not None)


EXTRAS: Mapping[str, Mapping[str, object]] = {
    "inverse": {"epsilon": 0.0},
    "rsqrt": {"epsilon": 0.0},
    "log": {"epsilon": 0.0},
    "gelu": {"mode": "EXACT"},
    "softmax": {"axis": -1},
}


def alone(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """An op of one number or list; "(first)" says that the number before gives something else."""
    said = json.loads(row["inputs"])["x"].split(" ")[0]
    values = np.array(_listed(said.strip("[]")) if said.startswith("[") else [number(said)], np.float16)

    def found(x: np.ndarray) -> np.ndarray:
        return run(unit_profile, row["op"], {"x": x}, **EXTRAS.get(row["op"], {}))

    result, output = found(values), row["output"]
    if output.startswith("["):
        return str(result.tolist()), result.tolist() == _listed(output.strip("[]"))
    verdict = same(float(result.item()), output.split(" ")[0])
    if "(first)" not in output:
        return verdict
    before = float(found(np.nextafter(values, np.float16(0))).item())
    return f"{verdict[0]}, {before} before", verdict[1] and before != float(result.item())


def two_equal(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """An op of two numbers where "(either)" says that one of them is this and the other is not: both ways."""
    value = number(json.loads(row["inputs"])["x"].split(" ")[0])
    one = np.ones(1, np.float16)
    ways = [
        run(unit_profile, row["op"], {"x": a, "y": b}).item()
        for a, b in ((np.array([value]), one), (one, np.array([value])))
    ]
    verdicts = [same(float(each), row["output"]) for each in ways]
    return str(ways), all(agrees for _, agrees in verdicts)


def plus_zero(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """A number plus 0, which only passes it on; -0 must have become +0."""
    value = np.array([number(json.loads(row["inputs"])["x"])])
    found = float(run(unit_profile, "add", {"x": value}, y=np.full(1, -0.0, np.float16)).item())
    text, agrees = same(found, row["output"])
    return text, agrees and math.copysign(1, found) > 0


def single_product(row: Mapping[str, str], unit_profile: UnitProfile) -> Verdict:
    """A number times a weight of 1, as a matrix product or a convolution of one channel."""
    value = np.array([[number(json.loads(row["inputs"])["x"])]])
    one = np.ones((1, 1), np.float16)
    if row["op"] == "linear":
        found = run(unit_profile, "linear", {"x": value}, weight=one)
    else:
        found = run(unit_profile, "conv", {"x": value.reshape(1, 1, 1, 1)}, weight=one.reshape(1, 1, 1, 1))
    return same(float(found.item()), row["output"].split(" ")[0])


UNARIES = (
    *("relu", "relu6", "sigmoid", "tanh", "erf", "sqrt", "inverse", "rsqrt", "softplus", "softsign", "log", "softmax"),
    *("exp", "exp2", "gelu", "silu", "square", "sin", "cos", "tan", "atan", "abs", "sign", "floor", "ceil", "round"),
)

READERS: Mapping[str, Callable[[Mapping[str, str], UnitProfile], Verdict]] = {
    "conv": conv,
    "conv_w8a8": weights_int8,
    **dict.fromkeys(("add", "mul", "sub", "real_div"), pair),
    **dict.fromkeys(("maximum", "minimum"), two_equal),
    "matmul": cliff,
    "matmul_ones": ones,
    **dict.fromkeys(("reshape_reduce_sum", "reduce_sum"), total),
    **dict.fromkeys(("slice_width_offset", "slice_width_offset1"), crop),
    "add0": plus_zero,
    **dict.fromkeys(("linear", "conv1x1_cin1"), single_product),
    **dict.fromkeys(UNARIES, alone),
}
