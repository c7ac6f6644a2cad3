"""Rank agreement of embeddings: against an oracle, in bounded memory, with degenerate embeddings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.retrieval import GALLERY, Retrieval
from mlparity.record.policy import OutputTask, TaskKind

RANDOM = np.random.default_rng(0)


def searched(source: np.ndarray, artifact: np.ndarray, k: int = 10) -> Retrieval:
    retrieval = Retrieval(k)
    for first, second in zip(source, artifact, strict=True):
        retrieval.add(first, second)
    return retrieval


def test_the_same_space_agrees_up_to_a_rotation_and_a_scale() -> None:
    points = RANDOM.standard_normal((20, 6))
    turn, _ = np.linalg.qr(RANDOM.standard_normal((6, 6)))
    tally = searched(points, 3 * points @ turn).result()
    assert (tally.queries, tally.same_nearest, tally.kept) == (20, 20, 20.0)
    assert tally.correlation_worst == pytest.approx(1.0)


def test_the_figures_by_their_definitions() -> None:
    source = RANDOM.standard_normal((12, 5))
    artifact = source + 0.5 * RANDOM.standard_normal((12, 5))
    tally = searched(source, artifact, 3).result()
    same, kept = 0, 0.0
    rho = []
    for place in range(12):
        near = [np.delete(_cosines(each, place), place) for each in (source, artifact)]
        orders = [list(np.argsort(-each)) for each in near]
        same += orders[0][0] == orders[1][0]
        kept += len(set(orders[0][:3]) & set(orders[1][:3])) / 3
        ranks = [np.argsort(np.argsort(each)) for each in near]
        # Spearman's formula for ranks without ties.
        rho.append(1 - 6 * int(((ranks[0] - ranks[1]) ** 2).sum()) / (11 * (11**2 - 1)))
    assert tally.same_nearest == same
    assert 0 < same < 12
    assert tally.kept == pytest.approx(kept)
    assert tally.correlation == pytest.approx(sum(rho))
    assert tally.correlation_worst == pytest.approx(min(rho))


def _cosines(points: np.ndarray, place: int) -> np.ndarray:
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    return units @ units[place]


def test_the_gallery_does_not_grow() -> None:
    points = RANDOM.standard_normal((GALLERY + 50, 3))
    retrieval = searched(points, points)
    assert len(retrieval.gallery) == GALLERY
    assert retrieval.tally.queries == 50
    assert retrieval.result().same_nearest == GALLERY + 50


def test_what_has_no_direction_is_left_out() -> None:
    points = np.array([[0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0], [1.0, 0.0], [1e200, 1e200], [0.0, 1e-200]])
    retrieval = searched(points, points)
    assert len(retrieval.gallery) == 3
    assert retrieval.result().same_nearest == 3


def test_all_equally_near_have_no_correlation() -> None:
    tally = searched(np.ones((4, 2)), np.ones((4, 2))).result()
    assert (tally.queries, tally.ranked, tally.same_nearest) == (4, 0, 4)


def test_figures_of_an_output() -> None:
    comparer = Comparer(tasks=(OutputTask("y", TaskKind.RETRIEVAL, k=2),))
    points = RANDOM.standard_normal((5, 1, 4))
    for number, point in enumerate(points):
        comparer.add(str(number), {"y": point}, {"y": -point if number else point})
    figures = comparer.result()[0].figures
    assert "flips" not in figures
    assert figures["rank_correlation"] is not None
    assert figures["rank_correlation"] < 1


def test_two_embeddings_have_no_figures() -> None:
    comparer = Comparer(tasks=(OutputTask("y", TaskKind.RETRIEVAL),))
    comparer.add("a", {"y": np.eye(2)}, {"y": np.eye(2)})
    figures = comparer.result()[0].figures
    assert figures["nearest_agreement"] is None
    assert figures["rank_correlation"] is None


def test_a_direction_on_one_side_alone_agrees_with_nothing() -> None:
    points = RANDOM.standard_normal((8, 4))
    lost = points.copy()
    lost[3] = 0.0
    for first, second in ((points, lost), (lost, points)):
        tally = searched(first, second).result()
        assert (tally.queries, tally.same_nearest) == (8, 7)
        assert (tally.ranked, tally.correlation_worst) == (8, 0.0)
        assert tally.correlation == pytest.approx(7.0)
    assert searched(points[:1], np.zeros((1, 4))).result().queries == 1


def test_an_order_on_one_side_alone_does_not_correlate() -> None:
    points = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    tally = searched(points, np.ones((4, 2))).result()
    assert (tally.ranked, tally.correlation) == (4, 0.0)


@pytest.mark.parametrize(("bytes_for", "kept"), [(20, 20), (4, 4), (0, 3)])
def test_large_embeddings_have_a_smaller_gallery(monkeypatch: pytest.MonkeyPatch, bytes_for: int, kept: int) -> None:
    monkeypatch.setattr("mlparity.compare.retrieval._GALLERY_BYTES", bytes_for * 2 * 4 * 8 + 63)
    points = RANDOM.standard_normal((22, 4))
    retrieval = searched(points, points)
    assert (len(retrieval.gallery), retrieval.tally.queries) == (kept, 22 - kept)
    assert retrieval.result().queries == 22


def test_three_embeddings_are_searched_and_two_are_not() -> None:
    points = np.eye(3)
    assert searched(points[:2], points[:2]).result().queries == 0
    assert searched(points, points).result().queries == 3


def test_more_neighbours_than_there_are() -> None:
    points = RANDOM.standard_normal((4, 3))
    assert searched(points, -points[::-1], k=10).result().kept == 4.0


def test_a_turned_order_is_the_opposite(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last embedding is a query against the three before: what was nearest to it is the farthest."""
    monkeypatch.setattr("mlparity.compare.retrieval._GALLERY_BYTES", 0)
    source = np.array([[1.0, 1.0], [1.0, 0.5], [1.0, 0.2], [1.0, 0.0]])
    artifact = np.array([[1.0, 0.2], [1.0, 0.5], [1.0, 1.0], [1.0, 0.0]])
    tally = searched(source, artifact, k=1).tally
    assert (tally.queries, tally.same_nearest, tally.kept, tally.ranked) == (1, 0, 0.0, 1)
    assert tally.correlation == tally.correlation_worst == pytest.approx(-1.0)


def test_ties_share_their_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spearman's correlation by hand: ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3 have 4.5 of the root of 4.5 times 5."""
    monkeypatch.setattr("mlparity.compare.retrieval.GALLERY", 4)
    source = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, -1.0], [1.0, 0.1], [1.0, 0.0]])
    artifact = np.array([[0.0, 1.0], [1.0, 2.0], [1.0, 1.0], [1.0, 0.1], [1.0, 0.0]])
    tally = searched(source, artifact).tally
    assert tally.correlation == pytest.approx(4.5 / math.sqrt(4.5 * 5))


def test_a_batch_of_embeddings_is_taken_one_by_one() -> None:
    points = RANDOM.standard_normal((5, 2, 3))
    batch, single = Retrieval(2), Retrieval(2)
    batch.add(points, -points)
    for first, second in zip(points.reshape(-1, 3), -points.reshape(-1, 3), strict=True):
        single.add(first, second)
    assert len(batch.gallery) == 10
    assert batch.result() == single.result()


def test_an_embedding_that_lost_its_direction_keeps_no_neighbour() -> None:
    source = RANDOM.standard_normal((5, 3))
    artifact = source.copy()
    artifact[4] = math.nan
    tally = searched(source, artifact, k=2).result()
    assert (tally.queries, tally.same_nearest, tally.kept, tally.correlation_worst) == (5, 4, 4.0, 0.0)


def test_embeddings_without_dimensions_are_not_searched() -> None:
    comparer = Comparer(tasks=(OutputTask("y", TaskKind.RETRIEVAL),))
    comparer.add("a", {"y": np.zeros((2, 0))}, {"y": np.zeros((2, 0))})
    assert comparer.result()[0].figures["nearest_agreement"] is None
