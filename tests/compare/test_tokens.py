"""Tokens: agreement, the first divergence and perplexity, by hand and against a plain computation in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mlparity.compare.comparer import Comparer
from mlparity.compare.tokens import TokenTally, merge_tokens, tally_tokens, tokens_of
from mlparity.compare.verdict import judge
from mlparity.core.words import Verdict
from mlparity.record.figures import TokenFigures
from mlparity.record.policy import Limit, OutputTask, Policy, TaskKind

SCORES = arrays.arrays(np.float64, (3, 2, 5), elements=st.floats(-30, 30, width=32))


def perplexity_by_hand(scores: np.ndarray, tokens: np.ndarray) -> float:
    rows = scores.reshape(-1, scores.shape[-1])
    losses = [math.log(sum(math.exp(score - row[at]) for score in row)) for row, at in zip(rows, tokens, strict=True)]
    return math.exp(sum(losses) / len(losses))


@given(SCORES, SCORES)
def test_figures_are_those_of_a_plain_computation(source: np.ndarray, artifact: np.ndarray) -> None:
    found = tokens_of(tally_tokens(source, artifact, "s/3"))
    assert found is not None
    best, other = source.reshape(-1, 5).argmax(1), artifact.reshape(-1, 5).argmax(1)
    assert (found.positions, found.agreed) == (6, int((best == other).sum()))
    assert found.source_perplexity == pytest.approx(perplexity_by_hand(source, best), rel=1e-9)
    assert found.artifact_perplexity == pytest.approx(perplexity_by_hand(artifact, best), rel=1e-9)
    assert found.first_divergence == ("" if best[-1] == other[-1] else "s/3")


@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=4), st.integers(0, 4))
def test_merging_is_one_pass_in_any_grouping(pairs: list[tuple[np.ndarray, np.ndarray]], cut: int) -> None:
    tallies = [tally_tokens(*pair, f"s/{step}") for step, pair in enumerate(pairs)]

    def merged(some: list[TokenTally]) -> TokenTally | None:
        total: TokenTally | None = None
        for tally in some:
            total = merge_tokens(total, tally)
        return total

    whole, parts = merged(tallies), merge_tokens(merged(tallies[:cut]), merged(tallies[cut:]))
    assert whole is not None
    assert parts is not None
    assert (parts.positions, parts.agreed, parts.first) == (whole.positions, whole.agreed, whole.first)
    assert parts.source_loss == pytest.approx(whole.source_loss, rel=1e-12)


def test_the_first_divergence_is_that_of_the_lowest_step() -> None:
    same, other = np.array([[0.0, 2.0, 1.5]]), np.array([[0.0, 1.0, 1.5]])
    comparer = Comparer(tasks=(OutputTask("logits", TaskKind.TOKENS),))
    for name, found in (("a/0", same), ("a/4", other), ("b/2", other), ("b/3", same)):
        comparer.add(name, {"logits": same}, {"logits": found})
    (figures,) = comparer.result()
    assert figures.tokens is not None
    assert (figures.tokens.first_divergence, figures.tokens.divergence_margin) == ("b/2", 0.5)
    assert figures.figures["token_agreement"] == 0.5
    assert figures.figures["flips"] == 2.0


@pytest.mark.parametrize(
    ("source", "artifact", "expected"),
    [
        # A masked token has no probability, and changes nothing.
        ([[0.0, -math.inf]], [[0.0, -math.inf]], TokenFigures(1, 1, 1.0, 1.0)),
        ([[0.0, 0.0]], [[0.0, 0.0]], TokenFigures(1, 1, 2.0, 2.0)),
        ([[math.nan, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 1.0]], None),
        # The token that the source takes is impossible in the artifact.
        ([[1.0, 0.0]], [[-math.inf, 0.0]], math.inf),
    ],
)
def test_values_that_are_not_finite(source: list[list[float]], artifact: list[list[float]], expected: object) -> None:
    found = tokens_of(tally_tokens(np.array(source), np.array(artifact), "s"))
    assert found is not None
    if isinstance(expected, TokenFigures):
        assert found == expected
    elif expected is None:
        assert (found.positions, found.agreed) == (1, 1)
    else:
        assert found.artifact_perplexity == expected


def test_no_position_has_no_figures() -> None:
    assert tokens_of(tally_tokens(np.zeros((0, 4)), np.zeros((0, 4)), "s")) is None
    assert tokens_of(tally_tokens(np.full((1, 4), math.nan), np.zeros((1, 4)), "s")) is None
    assert tokens_of(None) is None


def test_a_policy_judges_agreement_and_perplexity() -> None:
    task = OutputTask("logits", TaskKind.TOKENS)
    scores = np.eye(4)[None] * 3
    comparer = Comparer(tasks=(task,))
    comparer.add("s/0", {"logits": scores}, {"logits": scores * 0.5})
    for limit, verdict in (
        (Limit("token_agreement", at_least=1.0), Verdict.PASS),
        (Limit("perplexity_ratio", at_most=1.01), Verdict.FAIL),
    ):
        assert judge(Policy("p", (limit,), tasks=(task,)), comparer.result()).verdict is verdict
