"""Why an artifact differs, at which ops, and which limits of a processor it comes near to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mlparity.core.words import Confidence


class CauseKind(StrEnum):
    """Why an artifact differs from its source.

    `none`: it does not differ beyond the policy. `precision`: fp16 rounding. `compute_unit`: the arithmetic of a
    processor. `overflow`: a value beyond what fp16 or a processor can hold. `converter`: the converted graph computes
    something else. `preprocessing`: inputs or outputs are prepared differently. `training_mode`: the source was not in
    eval mode. `nondeterminism`: the source gives different outputs for the same sample. `runtime`: the runtime computes
    something other than its own reference kernels. `weights`: the artifact holds other weights.
    `compression`: its weights are stored in fewer bits. `branch`: a path or a number that the source takes from a
    tensor's value is fixed in it. `write`: it lacks a write into a tensor. `order`: the source leaves an order open.
    `source`: PyTorch itself computes the source in two ways that differ.
    """

    NONE = "none"
    PRECISION = "precision"
    COMPUTE_UNIT = "compute_unit"
    OVERFLOW = "overflow"
    CONVERTER = "converter"
    RUNTIME = "runtime"
    PREPROCESSING = "preprocessing"
    TRAINING_MODE = "training_mode"
    NONDETERMINISM = "nondeterminism"
    WEIGHTS = "weights"
    COMPRESSION = "compression"
    BRANCH = "branch"
    WRITE = "write"
    ORDER = "order"
    SOURCE = "source"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LocatedOp:
    """An op of an artifact that contributes to the difference.

    `type` is the MIL op type, `name` the op's name, and `output` the name of its first output. `origin` is the op of
    the source that it comes from, with module and line, or the source's weight that it reads, or "" if neither is
    known. `share` is the op's part of the difference, estimated to first order; it is negative if the op makes the
    difference smaller. `removed` is the part that disappears when this op alone is computed exactly. Both are fractions
    of 1, and None where they were not determined.
    """

    type: str
    name: str
    output: str
    origin: str = ""
    share: float | None = None
    removed: float | None = None
    note: str = ""


class Observation(StrEnum):
    """What was observed; the reports have a sentence for each."""

    NOTHING_COMPARED = "nothing compared"
    ALL_AGREE = "all agree"
    NO_LARGER_THAN_ROUNDING = "no larger than rounding"
    OUTPUTS_UNLIKE = "outputs unlike"
    FP32_NOT_JUDGED = "fp32 not judged"
    CONVERSION_CHANGES = "conversion changes"
    FP32_DIFFERS = "fp32 differs"
    FP32_DIFFERS_AS_WITNESS = "fp32 differs as the witness does"
    FP32_DIFFERS_IN_PART = "fp32 differs, witness compared in part"
    FP16_DIFFERS = "fp16 differs"
    FP16_ADDS = "fp16 adds"
    FP16_DIFFERS_IDEALLY = "fp16 differs in ideal arithmetic"
    FP16_DIFFERS_UNITS_ADD = "fp16 differs, units add"
    UNITS_DIFFER = "units differ"
    NETWORK_UNITS_DIFFER = "units of a network differ"
    NETWORK_UNITS_ADD = "units of a network add"
    GPU_FP32_DIFFERS = "fp32 of a GPU differs"
    FP32_AGREES_REST_UNCLEAR = "fp32 agrees, rest unclear"
    FP32_IN_PART_REST_UNCLEAR = "fp32 compared in part, rest unclear"
    NO_FP32 = "no fp32"
    OUTPUTS_NOT_COMPARED = "outputs not compared"
    AGREES = "agrees"
    OP_OVERFLOWS = "op overflows"
    ARITHMETIC = "arithmetic"
    ARITHMETIC_FIRST_ORDER = "arithmetic, to first order"
    ARITHMETIC_CANCELS = "arithmetic, cancelled"
    ARITHMETIC_CONFIRMED = "arithmetic, confirmed"
    CONSTANT_INFINITE = "constant infinite"
    TRAINING_MODE = "training mode"
    INPUT_SUSPECT = "input suspect"
    INPUT_CHANGED = "input changed"
    INPUT_CHANGED_TOO = "input changed too"
    INPUT_LAYOUT = "input layout"
    WEIGHTS_ROUNDED = "weights rounded"
    WEIGHTS_ROUNDED_AT_RANDOM = "weights rounded at random"
    WEIGHTS_COMPRESSED = "weights compressed"
    WEIGHTS_RESTORED = "weights restored"
    COMPRESSION_ADDS = "compression adds"
    COMPRESSION_DIFFERS = "compression differs"
    KERNELS_DIFFER = "kernels differ"
    STATE_STORED = "state stored"
    STATE_STARTS = "state starts elsewhere"
    GRAPH_DIFFERS = "graph differs"
    GRAPH_NOT_SEARCHED = "graph differs, search not finished"
    GRAPH_DIFFERS_UNCONFIRMED = "graph differs, unconfirmed"
    GRAPH_DIVERGES = "graph diverges"
    SHAPES_DIVERGE = "shapes diverge"
    DRAWS_RANDOMLY = "draws randomly"
    APP_PREPROCESSING = "app's preprocessing"
    IMAGE_INPUT = "image input"
    IMAGE_CHANNELS = "image channels"
    IMAGE_CHANNELS_TOO = "image channels too"
    IMAGE_INPUT_TOO = "image input too"
    REST_BESIDE = "rest beside another cause"
    ON_SAMPLE = "on a sample"
    WEIGHTS_OTHER = "weights other"
    WEIGHTS_MISSING = "weights missing"
    WEIGHTS_NEAR = "weights near"
    SOURCE_OLDER = "source older"
    WEIGHTS_PLACED = "weights placed"
    WEIGHTS_BESIDE = "weights beside another cause"
    NUMBER_FIXED = "number fixed"
    LENGTH_FIXED = "length fixed"
    WRITE_LOST = "write lost"
    ORDER_OPEN = "order open"
    FAST_PATH = "fast path"
    RUNTIME_DIVERGES = "runtime diverges"
    ELSEWHERE_DIVERGES = "elsewhere diverges"
    ELSEWHERE_UNCONFIRMED = "elsewhere unconfirmed"
    ELSEWHERE_DIFFERS = "elsewhere differs"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation that explains a difference, as data.

    `figures` are numbers by name: `difference` is a fraction of the output's scale, and a share lies between 0 and 1.
    `names` are texts by name, such as an op's. `settings` names the rows that show it, by their part in the sentence,
    such as "fp32" or "witness".
    """

    observation: Observation
    figures: Mapping[str, float] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an artifact differs from its source.

    `evidence` is what was observed, as data; the reports write the sentence. `ops` are the ops that contribute most.
    """

    kind: CauseKind
    evidence: tuple[Evidence, ...]
    ops: tuple[LocatedOp, ...] = ()


@dataclass(frozen=True, slots=True)
class Hazard:
    """An op that comes close to a limit of a processor, such as the largest number that it can hold.

    `seen` is the range of the limited value over the samples. `margin` is how many times larger the value could become
    before it reaches `limit`; below 1 it is already beyond. `location` is the op's name in `artifact`. `remedy` says
    what to do. `evidence` is the source of the limit, and `confidence` how well it is known.
    """

    kind: str
    artifact: str
    op: str
    location: str
    processors: tuple[str, ...]
    seen: tuple[float, float]
    limit: float
    margin: float
    sentence: str
    remedy: str
    evidence: str
    confidence: Confidence
