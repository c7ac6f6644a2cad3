"""Published errors of seeded benchmarks, about 15 digits each, against a package with the same op, run by the engine.

A row states chip, unit, precision, op, shape and how the inputs are drawn. The recipe is built as a Core ML package of
that precision, loaded, bound to the unit profile for the chip and unit, and run; what is compared is the relative L2
error against the reference that the row names. The draws follow the scripts that the rows name (sbryngelson/ANEForge).
"""

from __future__ import annotations

import ast
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlparity.engine.numerics import CHIPS, FP32, Processor, Profile
from mlparity.engine.numerics.other_paths import PATHS
from mlparity.engine.numerics.unit_profiles import leading
from tests.evidence import packages
from tests.evidence.tables import rows_of, unknown
from tests.loading import load_model

CSV = Path(__file__).with_name("gemm_conv_sweep.csv")
TOLERANCE = 1e-9
COLUMNS = ("id", "chip", "unit", "precision", "op", "shape", "input_distribution", "value")
PRODUCTS = ("gemm", "conv3x3", "conv3x3 chain", "dft_matmul", "stencil conv3x3 x32")
"""The ops that do nothing but multiply and accumulate."""

Array = np.ndarray
Build = Callable[..., object]
"""Takes MIL's builder and the inputs' variables, returns the output's."""


@dataclass(frozen=True)
class Recipe:
    """Inputs, one or more programs over them, and what the first rows of the output of each are compared with."""

    inputs: tuple[Array, ...]
    programs: tuple[Build, ...]
    references: tuple[Array, ...]


@dataclass(frozen=True)
class Outcome:
    """One row: the published error, ours, and how far apart they are, relative to the published one."""

    row: Mapping[str, str]
    profile: Profile
    found: float

    @property
    def distance(self) -> float:
        """Return the relative difference of the two errors; two zeros are no distance apart."""
        stated = float(self.row["value"])
        return abs(self.found - stated) / stated if stated else abs(self.found)


def outcomes(path: Path, wanted: Callable[[Mapping[str, str]], bool] = lambda _: True) -> Iterator[Outcome]:
    """Yield the outcome of each row that is wanted and has a recipe here."""
    for row in rows_of(path, COLUMNS):
        if has_recipe(row) and wanted(row):
            profile = profile_of(row)
            yield Outcome(row, profile, error_of(row, profile))


def shape_of(row: Mapping[str, str]) -> object:
    """Return the row's shape: a list of sizes, or a mapping.

    Raises:
        InputError: it is neither.
    """
    try:
        shape = ast.literal_eval(row["shape"])
    except (ValueError, SyntaxError) as error:
        raise unknown(row, "shape", "a list of sizes, or a mapping") from error
    if not isinstance(shape, list | dict):
        raise unknown(row, "shape", "a list of sizes, or a mapping")
    return shape


def profile_of(row: Mapping[str, str]) -> Profile:
    """Return the profile for the row's chip, unit and path: the leading unit profile, or a path that is not Core ML's.

    Raises:
        InputError: a unit, a chip or a precision that nothing is known of.
    """
    chip = re.match(r"M\d+", row["chip"])
    if chip is None or chip.group() not in CHIPS:
        raise unknown(row, "chip", "M1 to M6, perhaps with more words behind")
    if row["precision"] not in packages.DTYPES:
        raise unknown(row, "precision", "fp16 or fp32")
    if row["unit"] == "gpu":
        return mlx_path(chip.group(), large=bool(re.search("Max|Ultra", row["chip"])))
    if row["unit"] == "cpu":
        return PATHS["numpy-accelerate"] if row["precision"] == "fp32" else leading(Processor.CPU, chip.group()).profile
    if row["unit"] != "ane":
        raise unknown(row, "unit", "ane, gpu or cpu")
    return FP32 if row["precision"] == "fp32" else leading(Processor.NE, chip.group()).profile


def error_of(row: Mapping[str, str], profile: Profile) -> float:
    """Return the relative L2 error of the row's recipe in the numerics of `profile`, the mean over its programs."""
    recipe = recipe_of(row)
    errors = []
    for build, reference in zip(recipe.programs, recipe.references, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            path = packages.write(Path(folder), build, [x.shape for x in recipe.inputs], row["precision"])
            model = load_model(path, profile)
            fed = {f"x{i}": x.astype(packages.DTYPES[row["precision"]]) for i, x in enumerate(recipe.inputs)}
            found = np.asarray(next(iter(model.predict(fed).values())))
        errors.append(relative_l2(found[: len(reference)], reference))
    return float(sum(errors) / len(errors))


def relative_l2(found: Array, reference: Array) -> float:
    """Return the L2 norm of the difference over that of the reference, in fp64."""
    wide, against = found.astype(np.float64).ravel(), reference.astype(np.float64).ravel()
    return float(np.linalg.norm(wide - against) / np.linalg.norm(against))


def has_recipe(row: Mapping[str, str]) -> bool:
    """Return whether the row's op is one of those that are drawn here."""
    return any(re.fullmatch(form, row["op"]) for form in RECIPES)


def recipe_of(row: Mapping[str, str]) -> Recipe:
    """Return the recipe of a row.

    Raises:
        InputError: an op that has no recipe here, or a shape of another form.
    """
    drawn = json.loads(row["input_distribution"]) | {"unit": row["unit"]}
    for form, recipe in RECIPES.items():
        if re.fullmatch(form, row["op"]):
            try:
                return recipe(row["op"], shape_of(row), drawn)
            except (KeyError, ValueError, TypeError) as error:
                raise unknown(row, "shape", f"the form of the other rows of {row['op']!r}") from error
    raise unknown(row, "op", ", ".join(RECIPES))


def _seed(drawn: Mapping[str, Any], default: int) -> np.random.Generator:
    said = re.search(r"default_rng\((\d+)\)", str(drawn.get("recipe", "")))
    return np.random.default_rng(int(said[1]) if said else int(drawn.get("seed", default)))


def _normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def _gemm(_: str, shape: list[int], drawn: Mapping[str, Any]) -> Recipe:
    """x (M, K) times the transpose of W (N, K), both over the root of K; of many rows the first 256 are compared.

    MLX chooses its order by the number of rows up to 1024, so that many are run on the GPU.
    """
    m, k, n = shape
    rng = _seed(drawn, 0)
    scale = np.sqrt(k)  # a number of numpy's: what it divides becomes fp64
    if "f32 sqrt" in str(drawn.get("recipe", "")):
        scale = np.float32(scale)
    x, w = _normal(rng, m, k) / scale, _normal(rng, n, k) / scale
    compared = 256 if "first 256 rows" in str(drawn.get("recipe", "")) else m
    reference = x[:compared].astype(np.float64) @ w.astype(np.float64).T
    run = max(compared, 1024) if drawn["unit"] == "gpu" else compared
    return Recipe((x[:run],), (lambda mb, x0: mb.linear(x=x0, weight=w),), (reference,))


def _convolved(x: Array, w: Array) -> Array:
    """Return the 3 by 3 convolution with padding 1 of fp32 values, summed over patches in the type of the weights."""
    high, wide = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    patches = [padded[:, :, i : i + high, j : j + wide] for i in range(3) for j in range(3)]
    columns = np.stack(patches, 2).astype(np.float32).reshape(x.shape[0], -1, high * wide)
    return (w.reshape(w.shape[0], -1) @ columns).reshape(x.shape[0], -1, high, wide)


def _kernel(rng: np.random.Generator, out: int, into: int) -> Array:
    """Return weights in fp64: numpy's own square root widens what it scales."""
    return _normal(rng, out, into, 3, 3) * np.sqrt(2.0 / (into * 9))


def _same(mb: Any, x: object, w: Array) -> object:
    return mb.conv(x=x, weight=w, pad_type="custom", pad=[1, 1, 1, 1])


def _conv(_: str, shape: Mapping[str, Any], drawn: Mapping[str, Any]) -> Recipe:
    """One convolution of B images, of which the first is compared.

    MLX chooses its order by the size of all images, so that all are run on the GPU; elsewhere the first alone is.
    """
    channels, batch, (high, wide) = shape["C"], shape["B"], shape["HW"]
    rng = _seed(drawn, 1)
    x = _normal(rng, batch, channels, high, wide)
    w = _kernel(rng, channels, channels)
    run = x if drawn["unit"] == "gpu" else x[:1]
    return Recipe((run,), (lambda mb, x0: _same(mb, x0, w),), (_convolved(x[:1], w),))


def _chain(_: str, shape: Mapping[str, Any], drawn: Mapping[str, Any]) -> Recipe:
    """A chain of convolutions, each with its ReLU."""
    into, out, high, wide = shape["cin_cout_h_w"]
    rng = _seed(drawn, 1)
    x = _normal(rng, 1, into, high, wide)
    kernels = [_kernel(rng, out, into if depth == 0 else out) for depth in range(shape["depth"])]
    reference = x
    for w in kernels:
        reference = np.maximum(_convolved(reference, w), 0)

    def build(mb: Any, x0: object) -> object:
        for w in kernels:
            x0 = mb.relu(x=_same(mb, x0, w))
        return x0

    return Recipe((x,), (build,), (reference,))


def _dft(_: str, shape: list[int], drawn: Mapping[str, Any]) -> Recipe:
    """The real and the imaginary part of a Fourier transform, each as a matrix product."""
    size = shape[-1]
    x = _seed(drawn, 2).standard_normal(size)
    angles = -2 * np.pi * np.outer(np.arange(size), np.arange(size)) / size
    parts = (np.cos(angles), np.sin(angles))
    builds = tuple(lambda mb, x0, part=part: mb.linear(x=x0, weight=part) for part in parts)
    return Recipe((x.reshape(1, size),), builds, tuple(part @ x for part in parts))


def _stencil(op: str, shape: list[int], drawn: Mapping[str, Any]) -> Recipe:
    """Steps of a diffusion, each a convolution of one channel; the reference is stepped in fp32."""
    steps = int(re.search(r"x(\d+)$", op)[1])  # type: ignore[index]
    u = _normal(_seed(drawn, 3), *shape)
    w = np.zeros((1, 1, 3, 3), np.float32)
    w[0, 0] = 0.1 * np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)
    w[0, 0, 1, 1] += 1.0
    reference = u
    for _ in range(steps):
        reference = _convolved(reference, w)

    def build(mb: Any, x0: object) -> object:
        for _ in range(steps):
            x0 = _same(mb, x0, w)
        return x0

    return Recipe((u,), (build,), (reference,))


def _jacobi(op: str, shape: list[int], drawn: Mapping[str, Any]) -> Recipe:
    """Steps of Jacobi's method from zero: x becomes (b - R x) D for a matrix of strong diagonal; the reference is fp64.

    The matrix is a product in fp32 by the BLAS of the machine: the published errors of one recipe differ by up to 2e-6
    between machines, and so do ours.
    """
    (size,), steps = shape, int(re.search(r"(\d+) iters", op)[1])  # type: ignore[index]
    rng = _seed(drawn, 8)
    m = _normal(rng, size, size)
    a = (m @ m.T) / size + size * np.eye(size, dtype=np.float32)
    b, diagonal = _normal(rng, size), np.diag(a).copy()
    rest = a - np.diag(diagonal)
    reference = np.zeros(size)
    for _ in range(steps):
        reference = (b.astype(np.float64) - rest.astype(np.float64) @ reference) / diagonal.astype(np.float64)

    def build(mb: Any, x0: object, x1: object, x2: object) -> object:
        for _ in range(steps):
            x0 = mb.mul(x=mb.sub(x=x1, y=mb.linear(x=x0, weight=rest)), y=x2)
        return x0

    zero, row = np.zeros((1, size), np.float32), b.reshape(1, size)
    return Recipe((zero, row, (1.0 / diagonal).reshape(1, size).astype(np.float32)), (build,), (reference,))


def _attention(_: str, shape: Mapping[str, int], drawn: Mapping[str, Any]) -> Recipe:
    """Self-attention of S rows of width D in H heads, op by op; MLX adds a bias to the rounded product."""
    rows, width, heads = shape["S"], shape["D"], shape["H"]
    rng, each = _seed(drawn, 5), width // heads
    weights = [_normal(rng, width, width) * (1.0 / np.sqrt(width)) for _ in range(4)]
    biases = [_normal(rng, width) * np.float32(0.01) for _ in range(4)]
    x = _normal(rng, rows, width)

    def reference() -> Array:
        q, k, v = (
            (x.astype(np.float64) @ w.astype(np.float64).T + b).reshape(rows, heads, each).transpose(1, 0, 2)
            for w, b in zip(weights[:3], biases[:3], strict=True)
        )
        scores = (q @ k.transpose(0, 2, 1)) * (1.0 / np.sqrt(each))
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (shares / shares.sum(-1, keepdims=True)) @ v
        return mixed.transpose(1, 0, 2).reshape(rows, width) @ weights[3].T + biases[3]

    def build(mb: Any, x0: object) -> object:
        def linear(x: object, place: int) -> object:
            if drawn["unit"] == "gpu":
                return mb.add(x=mb.linear(x=x, weight=weights[place]), y=biases[place])
            return mb.linear(x=x, weight=weights[place], bias=biases[place])

        def split(place: int) -> object:
            return mb.transpose(x=mb.reshape(x=linear(x0, place), shape=[rows, heads, each]), perm=[1, 0, 2])

        q, k, v = split(0), split(1), split(2)
        scores = mb.mul(x=mb.matmul(x=q, y=k, transpose_y=True), y=1.0 / np.sqrt(each))
        mixed = mb.matmul(x=mb.softmax(x=scores, axis=-1), y=v)
        return linear(mb.reshape(x=mb.transpose(x=mixed, perm=[1, 0, 2]), shape=[rows, width]), 3)

    return Recipe((x,), (build,), (reference(),))


RECIPES: Mapping[str, Callable[..., Recipe]] = {
    "gemm": _gemm,
    "conv3x3": _conv,
    "conv3x3 chain": _chain,
    "dft_matmul": _dft,
    r"stencil conv3x3 x\d+": _stencil,
    r"attention \w+": _attention,
    r"jacobi n=\d+ \d+ iters": _jacobi,
}
"""The recipe of each op, by the form of its name."""


def mlx_path(chip: str, *, large: bool) -> Profile:
    """Return how MLX computes on the GPU of an M chip; `large` is one of Max or Ultra.

    M3 counts as M1 to M4, and M6 as M5 (assumed: no row is of theirs).

    Raises:
        KeyError: not the name of an M chip.
    """
    generation = chip.removeprefix("M")
    if generation == chip or not generation.isdecimal():
        raise KeyError(chip)
    if int(generation) >= 5:
        return PATHS["mlx-tensor"]
    return PATHS["mlx-simd-large" if large else "mlx-simd"]
