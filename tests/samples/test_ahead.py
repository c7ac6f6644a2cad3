"""Samples come in their order, one is read while another is used, and an error comes in its place."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from mlparity.core.errors import InputError
from mlparity.core.session import Sample
from mlparity.samples.ahead import read_ahead


def named(count: int) -> Iterator[tuple[str, Sample]]:
    for number in range(count):
        yield str(number), {"x": np.full(2, number)}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_samples_come_in_their_order(count: int) -> None:
    before = threading.active_count()
    assert [(name, int(sample["x"][0])) for name, sample in read_ahead(named(count))] == [
        (str(number), number) for number in range(count)
    ]
    assert threading.active_count() == before


def test_the_next_sample_is_read_while_one_is_used() -> None:
    second_is_read = threading.Event()

    def telling() -> Iterator[tuple[str, Sample]]:
        yield "first", {}
        second_is_read.set()
        yield "second", {}

    stream = read_ahead(telling())
    assert next(stream)[0] == "first"
    assert second_is_read.wait(30)
    assert [name for name, _ in stream] == ["second"]


def test_an_error_comes_in_the_place_of_its_sample() -> None:
    def failing() -> Iterator[tuple[str, Sample]]:
        yield "first", {}
        raise InputError("a picture cannot be read", where="second.png")

    stream = read_ahead(failing())
    assert next(stream)[0] == "first"
    with pytest.raises(InputError, match="cannot be read"):
        next(stream)


def test_a_reader_ends_with_who_reads() -> None:
    before = threading.active_count()
    stream = read_ahead(named(1000))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
