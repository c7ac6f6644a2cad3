"""The table of members: every switch says how well it is known, and every chip has its leading members."""

from __future__ import annotations

import pytest

from mlparity.core.words import Confidence
from mlparity.engine.numerics import CHIPS, Processor
from mlparity.engine.numerics.members import MEMBERS, Member, leading, members_of


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_a_member_says_of_each_switch_how_well_it_is_known(member: Member) -> None:
    assert {"store", "accumulator", "rounding", "overflow", "denormals", "nan", "reductions", "unaries"} <= set(
        member.switches
    )
    for fact in member.switches.values():
        assert fact.value
        assert fact.evidence or fact.confidence is Confidence.ASSUMED
    assert member.profile.name == member.name


def test_names_are_unique() -> None:
    assert len({member.name for member in MEMBERS}) == len(MEMBERS)


@pytest.mark.parametrize("processor", list(Processor))
@pytest.mark.parametrize("chip", sorted(CHIPS))
def test_each_chip_has_one_leading_member(processor: Processor, chip: str) -> None:
    found = members_of(processor, (chip,))
    assert [member for member in found if member.leading] == [leading(processor, chip)] == [found[0]]


def test_a_phone_takes_the_members_of_its_generation() -> None:
    assert leading(Processor.NE, "A14") is leading(Processor.NE, "M1")
    assert CHIPS["A14"].confidence is Confidence.ASSUMED


def test_fast_keeps_the_leading_ones_and_an_unknown_chip_is_refused() -> None:
    assert all(member.leading for member in members_of(Processor.NE, fast=True))
    with pytest.raises(KeyError):
        members_of(Processor.CPU, ("M99",))
