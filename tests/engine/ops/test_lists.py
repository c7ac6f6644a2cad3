from __future__ import annotations

import pytest
import torch

from mlparity.engine.numerics import TYPED
from mlparity.engine.ops.lists import (
    CHUNK,
    MAX_LENGTH,
    TensorList,
    list_gather,
    list_length,
    list_read,
    list_scatter,
    list_write,
    make_list,
)


def made(*shape: int | str, length: int = 2, grows: bool = True, dtype: str = "fp32") -> TensorList:
    return make_list(shape, length, grows, dtype, num=TYPED.numerics("fp32"))


@pytest.mark.parametrize(
    ("dtype", "held"), [("fp16", torch.float32), ("int32", torch.int32), ("bool", torch.bool), ("fp32", torch.float32)]
)
def test_an_element_that_was_never_written_is_zero(dtype: str, held: torch.dtype) -> None:
    found = list_read(made(3, dtype=dtype), 1)
    assert found.dtype is held
    assert found.tolist() == [0, 0, 0]


def test_writing_gives_a_new_list_and_leaves_the_old_one() -> None:
    old = made(2)
    new = list_write(old, 0, torch.tensor([1.0, 2.0]))
    assert list_read(new, 0).tolist() == [1, 2]
    assert list_read(old, 0).tolist() == [0, 0]


def test_a_list_of_dynamic_length_grows_to_the_index() -> None:
    grown = list_write(made(1, length=1), 3, torch.tensor([5.0]))
    assert list_length(grown).item() == 4
    assert list_length(grown).dtype is torch.int32
    assert list_gather(grown, (3, 2)).tolist() == [[5], [0]]


@pytest.mark.parametrize(("index", "grows"), [(2, False), (-1, False), (-1, True), (2**40, True)])
def test_a_place_outside_of_what_the_list_may_be_is_refused(index: int, grows: bool) -> None:
    with pytest.raises(IndexError, match=str(index)):
        list_write(made(1, grows=grows), index, torch.zeros(1))


@pytest.mark.parametrize("index", [-1, 2])
def test_reading_outside_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match=str(index)):
        list_read(made(1), index)
    with pytest.raises(IndexError, match=str(index)):
        list_gather(made(1), (0, index))


def test_scattering_keeps_the_last_of_two_values_for_one_place() -> None:
    values = torch.tensor([[1.0], [2.0], [3.0]])
    assert list_gather(list_scatter(made(1), (1, 4, 1), values), (0, 1, 4)).tolist() == [[0], [3], [2]]
    with pytest.raises(ValueError, match="2 indices for 3 values"):
        list_scatter(made(1), (0, 1), values)


def test_nothing_gathered_and_nothing_scattered() -> None:
    assert list_gather(made(2, 3), ()).shape == (0, 2, 3)
    assert list_scatter(made(1), (), torch.zeros(0, 1)).length == 2


def test_an_open_element_shape_is_known_once_it_is_written() -> None:
    opened = made("rows", 2)
    assert list_read(list_write(opened, 0, torch.ones(5, 2)), 0).shape == (5, 2)
    for read in (lambda: list_read(opened, 1), lambda: list_gather(opened, ())):
        with pytest.raises(ValueError, match="open"):
            read()


@pytest.mark.parametrize("length", [-1, 2**31])
def test_an_absurd_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=str(length)):
        made(1, length=length)


def test_the_gradient_reaches_what_was_written() -> None:
    value = torch.tensor([2.0], requires_grad=True)
    list_gather(list_write(made(1), 1, value * value), (0, 1)).sum().backward()
    assert value.grad is not None
    assert value.grad.tolist() == [4]


def test_a_write_copies_one_chunk_however_long_the_list_is() -> None:
    old = made(1, length=MAX_LENGTH)
    new = list_write(old, 5 * CHUNK + 7, torch.ones(1))
    assert [place for place, pair in enumerate(zip(old.chunks, new.chunks, strict=True)) if pair[0] is not pair[1]] == [
        5
    ]
    assert list_gather(new, (5 * CHUNK + 6, 5 * CHUNK + 7)).tolist() == [[0], [1]]


def test_a_list_grows_over_the_edge_of_a_chunk_up_to_the_longest() -> None:
    grown = list_write(made(1, length=CHUNK), CHUNK, torch.ones(1))
    assert list_gather(grown, (CHUNK - 1, CHUNK)).tolist() == [[0], [1]]
    assert list_write(grown, MAX_LENGTH - 1, torch.ones(1)).length == MAX_LENGTH
    with pytest.raises(IndexError, match=str(MAX_LENGTH)):
        list_write(grown, MAX_LENGTH, torch.ones(1))
