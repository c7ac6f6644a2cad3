"""Where each op runs as the rules say, and which rule moved it off the Neural Engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlparity.engine.mil.dtypes import FLOATS
from mlparity.engine.mil.program import Function, Op, TensorType
from mlparity.engine.placement.eligibility import Eligibility, eligibility
from mlparity.engine.placement.known import Known, known_of, weight_bytes
from mlparity.engine.placement.lowering import SpaceToBatch, space_to_batches
from mlparity.engine.placement.rules import NEWEST_MACOS, Limits, limits_of, rules_of
from mlparity.engine.placement.worth import Worth, worth_of

UNABLE = "op table"
"""The rule of an op that the engine cannot take: see `eligibility`."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """One op and where it runs; `rule`, `reason` and `evidence` say why not on the engine, and are "" where it is.

    A `follows` op is a cast between floating types: it runs where its neighbours do, and rounds alike everywhere.
    """

    op: Op
    on_engine: bool
    rule: str = ""
    reason: str = ""
    evidence: str = ""
    follows: bool = False


Move = tuple[str, str]
"""A rule's name, and what it found."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the rules look at in one function on one chip."""

    found: tuple[Eligibility, ...]
    lowered: tuple[tuple[SpaceToBatch, ...], ...]
    worth: Worth
    weights: float

    def ruled(self, macos: int = NEWEST_MACOS, limits: Limits | None = None) -> tuple[Ruled, ...]:
        """Return where each op runs; `limits` stand in for the table's."""
        most = {**limits_of(macos), **(limits or {})}
        whole = self._whole(most)
        moves = [whole or self._op(place, most) for place in range(len(self.found))]
        if whole is None:
            self._segments(moves, most)
        return tuple(self._placed(place, move, macos) for place, move in enumerate(moves))

    def _whole(self, most: Limits) -> Move | None:
        wide = max((axis.width for axes in self.lowered for axis in axes), default=0)
        if self.weights > most["package size"]:
            return "package size", f"weights of {self.weights / 2**30:.2f} GiB, over {most['package size'] / 2**30:.0f}"
        if wide > most["lowered width, whole graph"]:
            return "lowered width, whole graph", f"a dilated convolution needs an axis of {wide}"
        return None

    def _op(self, place: int, most: Limits) -> Move | None:
        for axis in self.lowered[place]:
            if axis.dilation > most["dilation"]:
                return "dilation", f"space-to-batch of a dilation of {axis.dilation}"
            if axis.width > most["lowered width"]:
                return "lowered width", f"space-to-batch needs an axis of {axis.width}"
        op = self.found[place]
        return None if op.eligible or follows(op.op, self.worth.known) else (UNABLE, op.reason)

    def _segments(self, moves: list[Move | None], most: Limits) -> None:
        """Move the segments that are not worth a call."""
        segments = list(self._runs(moves))
        is_cut = any(move and not op.neutral for move, op in zip(moves, self.found, strict=True))
        rule = "neighbours" if is_cut else "graph size"
        for segment in segments:
            saved = self.worth.saved_us([self.found[place].op for place in segment])
            if saved is not None and saved <= most[rule]:
                for place in segment:
                    moves[place] = rule, f"the engine would save {saved:.0f} us, a call costs {most[rule]:.0f}"

    def _runs(self, moves: Sequence[Move | None]) -> Iterator[list[int]]:
        """Yield the positions of ops in a row that nothing moved; an op without floating values interrupts none."""
        run: list[int] = []
        for place, move in enumerate(moves):
            if move is None:
                run.append(place)
            elif not self.found[place].neutral and run:
                yield run
                run = []
        if run:
            yield run

    def _placed(self, place: int, move: Move | None, macos: int) -> Ruled:
        op = self.found[place]
        casts = follows(op.op, self.worth.known)
        if move is None:
            return Ruled(op.op, True, follows=casts)
        rule = rules_of(macos).get(move[0])
        evidence = op.evidence if rule is None else f"{rule.confidence}, {'; '.join(rule.evidence)}"
        return Ruled(op.op, False, *move, evidence, follows=casts)


def grounds_of(function: Function, chip: str) -> Grounds:
    """Return what the rules look at."""
    known, found = known_of(function), eligibility(function, chip)
    lowered = tuple(tuple(space_to_batches(op.op, known, chip)) for op in found)
    return Grounds(found, lowered, worth_of(function, known), weight_bytes(function))


def ruled(function: Function, chip: str, macos: int = NEWEST_MACOS) -> tuple[Ruled, ...]:
    """Return where each op that gives a result runs, constants left out, in order."""
    return grounds_of(function, chip).ruled(macos)


def follows(op: Op, known: Known) -> bool:
    """Return whether an op is a cast to or from fp16 that integers take no part in."""
    if op.type != "cast":
        return False
    kinds = [known.tensor(argument) for argument in op.inputs.get("x", ())]
    kinds += [output.type for output in op.outputs if isinstance(output.type, TensorType)]
    names = {kind.dtype for kind in kinds if kind is not None}
    return "fp16" in names and names <= FLOATS | {"bool"}
