"""What decides where an op that the Neural Engine can take really runs: one rule a row, with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mlparity.core.words import Confidence


class Effect(StrEnum):
    """What a rule moves off the Neural Engine; a hazard moves nothing."""

    OP = "the op"
    SEGMENT = "the ops between two that run elsewhere"
    WHOLE = "the whole graph"
    HAZARD = "nothing: the figures may be wrong there"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its mechanism as a sentence, the number that it tests, and how that is known.

    `limit` is the greatest number that stays on the engine, in `unit`. `seen_on` names the chips and systems of the
    evidence; for others the rule is assumed. `macos` are the first and the last system that it holds for.
    """

    name: str
    effect: Effect
    mechanism: str
    limit: float
    unit: str
    confidence: Confidence
    evidence: tuple[str, ...]
    seen_on: str
    macos: tuple[int, int] = (0, 99)


NEWEST_MACOS = 27
"""The system that is meant where none is named; iOS has the same numbers from 26 on."""

_PLANS = "FluidInference/mobius@b59611e0 models/tts/magpie/coreml/per_module/results/"
_DISPATCH = "751K/Apple-Neural-Engine-Microarchitecture-Study-M6@a51e0dbd notes/compute_array.md B6b"
_VX = "https://github.com/vx-lang/Vx/issues/435"
_EEANE = "PyPI eeane 2.1.0, README"
_M2 = "M2, macOS 26.5"

RULES: tuple[Rule, ...] = (
    Rule(
        "graph size",
        Effect.WHOLE,
        "A graph stays on the CPU where the engine would save less time than one call of it costs.",
        160,
        "microseconds of a call, taken off what the CPU is estimated to take",
        Confidence.MEASURED,
        (_DISPATCH, "p01", "p02", "p04", "p06", "p07", "p14", "p15", _VX),
        f"{_M2}; M4; the time of a call on M6",
    ),
    Rule(
        "neighbours",
        Effect.SEGMENT,
        "Ops between two that run elsewhere stay there too where the engine would save less time than a call costs.",
        160,
        "microseconds of a call, taken off what the CPU is estimated to take",
        Confidence.MEASURED,
        (_DISPATCH, "p09", "p16"),
        f"{_M2}; the time of a call on M6",
    ),
    Rule(
        "dilation",
        Effect.OP,
        "A dilated kernel that spans more than the engine's widest is lowered by space-to-batch, which fails for"
        " dilations of 5: its buffer is too small.",
        4,
        "dilation",
        Confidence.MEASURED,
        (f"{_PLANS}subgraph_ledger.json: 3 is lowered, 5 is not; between them assumed", "p16", "p17", "p21"),
        _M2,
    ),
    Rule(
        "lowered width",
        Effect.OP,
        "Space-to-batch pads an axis to a multiple of the dilation, which may not pass the engine's longest axis.",
        16384,
        "elements of an axis",
        Confidence.MEASURED,
        (
            "p22: 16386 of 16384 and a dilation of 3; its source writes 2 T + 2 because it counts lengths by half",
            f"{_PLANS}STATUS.md: the same two ops of a codec with 16384 samples",
            "sbryngelson/ane-guide@9eb1afe9 appendices/a-op-device-matrix.md:45",
        ),
        _M2,
    ),
    Rule(
        "lowered width, whole graph",
        Effect.WHOLE,
        "Where space-to-batch passes the longest axis by more, compiling for the engine fails for the whole graph.",
        18432,
        "elements of an axis",
        Confidence.ASSUMED,
        (
            "p22: 16386 moves two ops; p23: 20481 moves all; between them assumed",
            f"{_PLANS}STATUS.md: its codec loses single ops at 24576, and fails as a whole at 32768",
        ),
        _M2,
    ),
    Rule(
        "package size",
        Effect.WHOLE,
        "A model whose weights pass this size runs on the CPU, without a word.",
        2**31,
        "bytes",
        Confidence.MEASURED,
        ("p30", _EEANE),
        "M2, up to macOS 26",
        (0, 26),
    ),
    Rule(
        "package size",
        Effect.WHOLE,
        "A model whose weights pass this size runs on the CPU, without a word.",
        2**30,
        "bytes",
        Confidence.MEASURED,
        ("p30", _EEANE),
        "M2, macOS 27.0.1",
        (27, 99),
    ),
    Rule(
        "score matrix",
        Effect.HAZARD,
        "Attention whose score matrix of one head has 2^20 elements or more was corrupt.",
        2**20 - 1,
        "elements",
        Confidence.ASSUMED,
        (f"p32, one report: {_EEANE}",),
        "M2, macOS 27.0.1",
        (27, 99),
    ),
    Rule(
        "sequence length",
        Effect.HAZARD,
        "Sequences of 510 to 512 tokens gave NaN or a cosine below 0.97.",
        509,
        "tokens",
        Confidence.ASSUMED,
        (f"p32, one report of one model: {_EEANE}",),
        "M2, macOS 27.0.1",
        (27, 99),
    ),
    Rule(
        "token count",
        Effect.HAZARD,
        "A transformer whose token count is no multiple of 32 was refused when it was compiled.",
        0,
        "tokens beyond a multiple of 32",
        Confidence.ASSUMED,
        ("p31, one report: roboflow/rf-detr@092a12a3 tests/export/test_coreml_ane.py",),
        "M3 Pro",
    ),
    Rule(
        "int8 by block",
        Effect.HAZARD,
        "Weights of int8 with a scale for each block gave a cosine of 0.37; a palette gave 0.9975.",
        0,
        "weights with more scales than one a channel",
        Confidence.ASSUMED,
        ("p33, one report: https://github.com/apple/coreai-models/issues/279",),
        "iPhone 16 Pro Max, iOS 27",
        (27, 99),
    ),
)

Limits = Mapping[str, float]
"""The limit of each rule by its name."""


def rules_of(macos: int = NEWEST_MACOS) -> Mapping[str, Rule]:
    """Return the rules of a system by name; `macos` is its first number."""
    return {rule.name: rule for rule in RULES if rule.macos[0] <= macos <= rule.macos[1]}


def limits_of(macos: int = NEWEST_MACOS) -> Limits:
    """Return the limit of each rule of a system."""
    return {name: rule.limit for name, rule in rules_of(macos).items()}
