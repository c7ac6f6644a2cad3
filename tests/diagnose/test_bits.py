"""The order of moves to fewer bits: the least damage for the bytes that are saved."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from mlparity.diagnose.bits import Option, after, first_choice, hull, moves

OPTIONS = st.lists(
    st.tuples(st.integers(1, 50), st.floats(0, 10, allow_nan=False)).map(lambda pair: Option("", *pair)),
    min_size=1,
    max_size=6,
)


def named(options: list[Option]) -> list[Option]:
    return [option._replace(name=str(index)) for index, option in enumerate(options)]


def test_the_cheapest_byte_goes_first() -> None:
    layers = {
        "a": [Option("large", 10, 0.0), Option("small", 5, 1.0)],
        "b": [Option("large", 100, 0.0), Option("half", 50, 1.0), Option("tenth", 10, 11.0)],
    }
    made = moves(layers)
    assert [(move.layer, move.name) for move in made] == [("b", "half"), ("a", "small"), ("b", "tenth")]
    assert [move.price for move in made] == [1 / 50, 1 / 5, 10 / 40]
    assert after(first_choice(layers), made[:1]) == {"a": "large", "b": "half"}
    assert after(first_choice(layers), made) == {"a": "small", "b": "tenth"}


def test_a_smaller_option_that_is_better_too_is_where_it_begins() -> None:
    assert [each.name for each in hull([Option("worse", 10, 2.0), Option("better", 5, 1.0)])] == ["better"]


@given(OPTIONS)
def test_of_a_layer_each_move_costs_more_than_the_one_before(options: list[Option]) -> None:
    kept = hull(named(options))
    assert kept[-1].size == min(option.size for option in options)
    sizes, damages = [each.size for each in kept], [each.damage for each in kept]
    assert (sizes, damages) == (sorted(sizes, reverse=True), sorted(damages))


@given(st.lists(OPTIONS, min_size=1, max_size=3))
def test_no_choice_of_that_size_does_less_damage(layers: list[list[Option]]) -> None:
    known = {str(index): named(options) for index, options in enumerate(layers)}
    first, made = first_choice(known), moves(known)
    totals = [(sum(o.size for o in chosen), sum(o.damage for o in chosen)) for chosen in product(*known.values())]
    for count in range(len(made) + 1):
        choice = after(first, made[:count])
        chosen = [next(each for each in known[layer] if each.name == name) for layer, name in choice.items()]
        size, damage = sum(each.size for each in chosen), sum(each.damage for each in chosen)
        assert all(other >= damage - 1e-9 for total, other in totals if total <= size)
