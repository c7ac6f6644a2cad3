"""The networks of placement probes, by the form in which a row describes them; sizes that are left open are fixed here.

Only shapes matter: weights are zeros that take no memory. An op stands where coremltools' converter leaves one in fp16
for iOS 17, so that the counts are the published ones. Each input is fp32 and is cast first.

Source of the sizes: FluidInference/mobius@b59611e0, `models/tts/magpie/coreml/per_module`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mlparity.engine.mil.program import Function, NamedType, Op
from tests.engine.runtime.programs import op, program, tensor

CHANNELS, FRAMES = 256, 256
"""Of an activation alone, and of one between two convolutions."""

BLOCK_KERNEL, NORM_KERNEL = 3, 7
"""Of the convolutions around an activation, and of the one with weight norm."""

WIDTH, HEADS, CACHE = 768, 12, 512
"""Of attention, and of the caches that are written alone."""

KERNELS, DILATIONS = (3, 7, 11), (1, 3, 5)
"""Of a residual layer: a branch for each kernel, in it a residual block for each dilation."""

STAGE_CHANNELS = (864, 432, 216, 108, 54, 27)
"""Of a decoder: what enters each of five stages, and what leaves the last. Of fewer stages, the last ones."""

STRIDES = (8, 8, 4, 2, 2)
"""Of the five stages, 1024 in all. Where a row of fewer stages asks for another product, powers of two.

Rows of five stages give half the length that these strides make: the source multiplies them to 512. That 1024 is right
is confirmed by the width of 16386 in its plan for 16 codes, and by its codec, which makes 16384 samples of them.
"""

CODES = 432
"""The channels that a whole decoder takes."""

BLOCK_FRAMES = 1024
"""The length of a block whose row gives none."""

Shape = tuple[int, ...]


@dataclass(slots=True)
class Draft:
    """A function that is being built; every op's result is fp16 unless it says otherwise."""

    inputs: list[NamedType] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)

    def fed(self, *shape: int) -> str:
        """Return a new fp32 input, cast to fp16."""
        name = f"x{len(self.inputs)}"
        self.inputs.append(tensor(name, "fp32", *shape))
        return self.op("cast", shape, x=f"%{name}", dtype="fp16")

    def op(self, kind: str, shape: Shape, kept: str = "fp16", /, **inputs: object) -> str:
        """Return the result of a new op."""
        name = f"{kind}_{len(self.ops)}"
        self.ops.append(op(kind, tensor(name, kept, *shape), **inputs))
        self.shapes[name] = shape
        return name

    def same(self, kind: str, x: str, **inputs: object) -> str:
        """Return the result of a new op that keeps the shape of `x`."""
        return self.op(kind, self.shapes[x], x=f"%{x}", **inputs)

    def both(self, kind: str, x: str, y: str) -> str:
        """Return the result of a new op on two values, the shape of one spread over the other's."""
        shape = tuple(np.broadcast_shapes(self.shapes[x], self.shapes[y]))
        return self.op(kind, shape, x=f"%{x}", y=f"%{y}")

    def conv(self, x: str, channels: int, kernel: int, dilation: int = 1) -> str:
        """Return a convolution over time that keeps the length."""
        n, before, length = self.shapes[x]
        reach = (kernel - 1) * dilation // 2
        return self.op(
            "conv",
            (n, channels, length),
            x=f"%{x}",
            weight=zeros(channels, before, kernel),
            bias=zeros(channels),
            pad_type="custom",
            pad=np.array([reach, reach], np.int32),
            strides=np.array([1], np.int32),
            dilations=np.array([dilation], np.int32),
            groups=np.int32(1),
        )

    def linear(self, x: str, width: int) -> str:
        """Return a linear layer."""
        *outer, before = self.shapes[x]
        return self.op("linear", (*outer, width), x=f"%{x}", weight=zeros(width, before), bias=zeros(width))

    def function(self, *outputs: str) -> Function:
        """Return the function that gives these values."""
        return program(tuple(self.inputs), tuple(self.ops), outputs, opset=17).functions["main"]


def zeros(*shape: int) -> np.ndarray:
    """Return a weight that takes no memory."""
    return np.broadcast_to(np.zeros((), np.float16), shape)


def snake_of_sine(draft: Draft, x: str) -> str:
    """x + sin(x)^2: factors of one are folded."""
    square = draft.same("pow", draft.same("sin", x), y=np.float16(2))
    return draft.both("add", x, square)


def snake_as_polynomial(draft: Draft, x: str) -> str:
    """x + x^2 - x^4 / 3."""
    square = draft.both("mul", x, x)
    fourth = draft.same("mul", draft.both("mul", square, square), y=np.float16(1 / 3))
    return draft.both("add", x, draft.both("sub", square, fourth))


def clipped_snake(draft: Draft, x: str) -> str:
    """The polynomial of sixth order of a clipped number, which the decoder's blocks have: ten ops."""
    clipped = draft.same("clip", x, alpha=np.float16(-1.57), beta=np.float16(1.57))
    square = draft.both("mul", clipped, clipped)
    fourth = draft.both("mul", square, square)
    sixth = draft.both("mul", fourth, square)
    difference = draft.both("sub", square, draft.same("mul", fourth, y=np.float16(1 / 3)))
    last = draft.same("mul", draft.same("mul", sixth, y=np.float16(2)), y=np.float16(1 / 45))
    return draft.both("add", x, draft.both("add", difference, last))


Activation = Callable[[Draft, str], str]


def alone(activation: Activation) -> Function:
    """Return an activation and nothing else."""
    draft = Draft()
    return draft.function(activation(draft, draft.fed(1, CHANNELS, FRAMES)))


def between_convolutions(activation: Activation) -> Function:
    """Return a convolution, an activation and another convolution."""
    draft = Draft()
    x = draft.conv(draft.fed(1, CHANNELS, FRAMES), CHANNELS, BLOCK_KERNEL)
    return draft.function(draft.conv(activation(draft, x), CHANNELS, BLOCK_KERNEL))


def one_convolution() -> Function:
    """Return a convolution whose weight is a constant, which is what a traced weight norm leaves."""
    draft = Draft()
    return draft.function(draft.conv(draft.fed(1, CHANNELS, FRAMES), CHANNELS, NORM_KERNEL))


def one_hot_writes(draft: Draft, position: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return caches that take new entries where a mask of one position is 1, and keep the others."""
    cache = draft.shapes[pairs[0][0]]
    axis = cache.index(CACHE)
    hit = draft.op("equal", (CACHE,), "bool", x=zeros(CACHE), y=f"%{position}")
    mask = draft.op("cast", (CACHE,), x=f"%{hit}", dtype="fp16")
    spread = tuple(CACHE if place == axis else 1 for place in range(len(cache)))
    mask = draft.op("reshape", spread, x=f"%{mask}", shape=np.array(spread, np.int32))
    kept = draft.op("sub", spread, x=np.float16(1), y=f"%{mask}")
    return [draft.both("add", draft.both("mul", old, kept), draft.both("mul", new, mask)) for old, new in pairs]


def cache_write(rank: int) -> Function:
    """Return the write of a key and a value into caches: of rank 4, or with heads and their width in one axis."""
    draft, head = Draft(), WIDTH // HEADS
    cache, new = ((1, CACHE, HEADS, head), (1, 1, HEADS, head)) if rank == 4 else ((CACHE, WIDTH), (1, WIDTH))
    olds, news = [draft.fed(*cache) for _ in range(2)], [draft.fed(*new) for _ in range(2)]
    return draft.function(*one_hot_writes(draft, draft.fed(1), tuple(zip(olds, news, strict=True))))


def cache_concatenation() -> Function:
    """Return a key and a value for a host that keeps the cache: two linear layers, and the shape of the cache."""
    draft, shape = Draft(), (1, 1, HEADS, WIDTH // HEADS)
    x = draft.fed(1, 1, WIDTH)
    made = [draft.linear(x, WIDTH) for _ in range(2)]
    return draft.function(*(draft.op("reshape", shape, x=f"%{each}", shape=np.array(shape, np.int32)) for each in made))


def attention(width: int, heads: int, cache: int) -> Function:
    """Return a step of causal attention of one token over a cache of rank 4, which it writes by a mask."""
    draft, head = Draft(), width // heads
    x, old_k, old_v, position = (
        draft.fed(1, 1, width),
        draft.fed(1, cache, heads, head),
        draft.fed(1, cache, heads, head),
        draft.fed(1),
    )
    shape = (1, 1, heads, head)
    q, k, v = (
        draft.op("reshape", shape, x=f"%{draft.linear(x, width)}", shape=np.array(shape, np.int32)) for _ in range(3)
    )
    new_k, new_v = one_hot_writes(draft, position, ((old_k, k), (old_v, v)))
    q, keys, values = (_turned(draft, each) for each in (q, new_k, new_v))
    scores = draft.op("matmul", (1, heads, 1, cache), x=f"%{q}", y=f"%{keys}", transpose_y=True)
    scores = draft.same("mul", scores, y=np.float16(head**-0.5))
    later = draft.op("greater", (cache,), "bool", x=zeros(cache), y=f"%{position}")
    later = draft.op("cast", (cache,), x=f"%{later}", dtype="fp16")
    later = draft.op("reshape", (1, 1, 1, cache), x=f"%{later}", shape=np.array((1, 1, 1, cache), np.int32))
    masked = draft.both("add", scores, draft.same("mul", later, y=np.float16(-1e4)))
    weights = draft.same("softmax", masked, axis=np.int32(-1))
    mean = draft.op("matmul", (1, heads, 1, head), x=f"%{weights}", y=f"%{values}")
    mean = draft.op("reshape", (1, 1, width), x=f"%{_turned(draft, mean)}", shape=np.array((1, 1, width), np.int32))
    out = draft.linear(mean, width)
    return draft.function(out, new_k, new_v, draft.same("add", position, y=np.float16(1)))


def _turned(draft: Draft, x: str) -> str:
    n, one, two, last = draft.shapes[x]
    return draft.op("transpose", (n, two, one, last), x=f"%{x}", perm=np.array((0, 2, 1, 3), np.int32))


def residual_block(draft: Draft, x: str, kernel: int, dilation: int, activated: str | None = None) -> str:
    """Return activation, dilated convolution, activation, convolution, and the sum with `x`; 23 ops."""
    channels = draft.shapes[x][1]
    inner = draft.conv(activated or clipped_snake(draft, x), channels, kernel, dilation)
    return draft.both("add", x, draft.conv(clipped_snake(draft, inner), channels, kernel))


def branch(draft: Draft, x: str, kernel: int, activated: str | None = None) -> str:
    """Return a residual block for each dilation; the first one may find its activation done."""
    for place, dilation in enumerate(DILATIONS):
        x = residual_block(draft, x, kernel, dilation, activated if place == 0 else None)
    return x


def residual_layer(draft: Draft, x: str) -> str:
    """Return the mean of the branches; the converter shares their first activation."""
    shared = clipped_snake(draft, x)
    first, *others = (branch(draft, x, kernel, shared) for kernel in KERNELS)
    for other in others:
        first = draft.both("add", first, other)
    return draft.same("mul", first, y=np.float16(1 / len(KERNELS)))


def stage(draft: Draft, x: str, channels: int, stride: int) -> str:
    """Return activation, transposed convolution and a residual layer."""
    n, before, length = draft.shapes[x]
    up = draft.op(
        "conv_transpose",
        (n, channels, length * stride),
        x=f"%{clipped_snake(draft, x)}",
        weight=zeros(before, channels, 2 * stride),
        bias=zeros(channels),
        pad_type="custom",
        pad=np.array([stride // 2, stride // 2], np.int32),
        strides=np.array([stride], np.int32),
    )
    return residual_layer(draft, up)


def strides_of(count: int, factor: int) -> tuple[int, ...]:
    """Return the strides of `count` stages that lengthen by `factor`; five have those of the source.

    Raises:
        ValueError: the factor is no power of two, or less than two a stage.
    """
    if count == len(STRIDES) or math.prod(STRIDES[-count:]) == factor:
        return STRIDES[-count:]
    exponent = factor.bit_length() - 1
    if factor != 2**exponent or exponent < count:
        raise ValueError(f"{count} stages cannot lengthen by {factor}")
    each, more = divmod(exponent, count)
    return tuple(2 ** (each + (place < more)) for place in range(count))


def stages(count: int, t_in: int, t_out: int) -> Function:
    """Return the last `count` stages of a decoder."""
    draft = Draft()
    x = draft.fed(1, STAGE_CHANNELS[-count - 1], t_in)
    return draft.function(_staged(draft, x, strides_of(count, t_out // t_in)))


def _staged(draft: Draft, x: str, strides: Sequence[int]) -> str:
    for channels, stride in zip(STAGE_CHANNELS[-len(strides) :], strides, strict=True):
        x = stage(draft, x, channels, stride)
    return x


def whole_decoder(t_in: int) -> Function:
    """Return a convolution, five stages, an activation, a convolution to one channel and a tanh."""
    draft = Draft()
    x = _staged(draft, draft.conv(draft.fed(1, CODES, t_in), STAGE_CHANNELS[0], NORM_KERNEL), STRIDES)
    return draft.function(draft.same("tanh", draft.conv(clipped_snake(draft, x), 1, BLOCK_KERNEL)))


def matrix_product(size: int) -> Function:
    """Return a product of two square matrices, cast back to fp32."""
    draft = Draft()
    x, y = (draft.fed(size, size) for _ in range(2))
    product = draft.op("matmul", (size, size), x=f"%{x}", y=f"%{y}")
    return draft.function(draft.op("cast", (size, size), "fp32", x=f"%{product}", dtype="fp32"))


def fused_attention(*shape: int) -> Function:
    """Return the one op of attention, cast back to fp32; query, key and value have the shape of the result."""
    draft = Draft()
    query, key, value = (draft.fed(*shape) for _ in range(3))
    mean = draft.op("scaled_dot_product_attention", shape, query=f"%{query}", key=f"%{key}", value=f"%{value}")
    return draft.function(draft.op("cast", shape, "fp32", x=f"%{mean}", dtype="fp32"))


def large_package(gib: int) -> Function:
    """Return linear layers of more weights than so many GiB; a layer has 2."""
    draft, width = Draft(), 2**15
    x = draft.fed(1, width)
    for _ in range(gib // 2 + 1):
        x = draft.linear(x, width)
    return draft.function(x)


Said = Mapping[str, str]
"""A row."""


def network_of(row: Said) -> Function | None:
    """Return the network that a row describes, None where its description is none of the known forms.

    Raises:
        ValueError: the row's lengths are no numbers, or lengths that its network cannot have.
    """
    text = " ".join(row["network"].split())
    for form, make in FORMS.items():
        found = re.fullmatch(form, text, re.IGNORECASE)
        if found:
            return make(found, row)
    return None


def _length(row: Said, column: str, otherwise: int) -> int:
    length = int(row[column]) if row.get(column) else otherwise
    if length < 1:
        raise ValueError(f"{column} {length}")
    return length


def _blocks(build: Activation) -> Callable[[re.Match[str], Said], Function]:
    def make(form: re.Match[str], row: Said) -> Function:
        draft = Draft()
        channels = int(form.groupdict().get("channels") or STAGE_CHANNELS[-1])
        return draft.function(build(draft, draft.fed(1, channels, _length(row, "t_in", BLOCK_FRAMES))))

    return make


def _stages(form: re.Match[str], row: Said) -> Function:
    count = _COUNTS[form["count"].lower()]
    t_in = _length(row, "t_in", FRAMES)
    return stages(count, t_in, _length(row, "t_out", t_in * math.prod(STRIDES[-count:])))


def _attention(form: re.Match[str], _row: Said) -> Function:
    return attention(int(form["width"]), int(form["heads"]), int(form["cache"]))


def _snake(text: str) -> Activation:
    """Return the activation that a text names: of higher orders and clipped ones the one of the decoder's blocks."""
    if re.search(r"\bsin\b", text, re.IGNORECASE):
        return snake_of_sine
    return (
        clipped_snake
        if re.search(r"clip|clamp|fifth|seventh|order [57]", text, re.IGNORECASE)
        else (snake_as_polynomial)
    )


_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_A_BLOCK = r"one residual block(?: of .*?)?(?:, (?P<channels>\d+) channels)?"

FORMS: Mapping[str, Callable[[re.Match[str], Said], Function]] = {
    r"Conv1d, (?P<between>Snake.*), Conv1d.*": lambda form, _: between_convolutions(_snake(form["between"])),
    r"(?P<what>Snake.*\balone\b.*)": lambda form, _: alone(_snake(form["what"])),
    r".*one-hot write into a rank-(?P<rank>\d) KV cache.*\balone\b.*": lambda form, _: cache_write(int(form["rank"])),
    r"concatenation into a KV cache.*": lambda *_: cache_concatenation(),
    r"Conv1d with weight norm.*": lambda *_: one_convolution(),
    r".*attention.*\bd (?P<width>\d+), (?P<heads>\d+) heads, cache (?P<cache>\d+).*": _attention,
    _A_BLOCK: _blocks(lambda draft, x: residual_block(draft, x, KERNELS[0], DILATIONS[0])),
    r"one residual block with all its branches.*": _blocks(lambda draft, x: branch(draft, x, KERNELS[0])),
    r"residual layer.*": _blocks(residual_layer),
    r"(?P<count>one) (?:upsampling )?stage\b.*": _stages,
    r"(?P<count>two|three|four|five) (?:upsampling )?stages\b.*": _stages,
    r"matrix product of (?P<size>\d+) by (?P=size) by (?P=size)": lambda form, _: matrix_product(int(form["size"])),
    r"scaled_dot_product_attention, (?P<shape>\d+ x \d+ x \d+ x \d+)": lambda form, _: fused_attention(
        *map(int, form["shape"].split(" x "))
    ),
    r"any package whose (?:compiled )?size passes (?P<gib>\d+) GiB.*": lambda form, _: large_package(int(form["gib"])),
    r"(?:whole|full) decoder.*": lambda _, row: whole_decoder(_length(row, "t_in", FRAMES)),
}
"""The networks by the form of their description, the first that fits."""
