"""The table of profiles: every switch says how well it is known, and every chip has its leading profiles."""

from __future__ import annotations

import pytest

from mlparity.core.words import Confidence
from mlparity.engine.numerics import CHIPS, Processor
from mlparity.engine.numerics.unit_profiles import UNIT_PROFILES, UnitProfile, leading, unit_profiles_of


@pytest.mark.parametrize("unit_profile", UNIT_PROFILES, ids=lambda unit_profile: unit_profile.name)
def test_a_profile_says_of_each_switch_how_well_it_is_known(unit_profile: UnitProfile) -> None:
    assert {"store", "accumulator", "rounding", "overflow", "denormals", "nan", "reductions", "unaries"} <= set(
        unit_profile.switches
    )
    for fact in unit_profile.switches.values():
        assert fact.value
        assert fact.evidence or fact.confidence is Confidence.ASSUMED
    assert unit_profile.profile.name == unit_profile.name


def test_names_are_unique() -> None:
    assert len({unit_profile.name for unit_profile in UNIT_PROFILES}) == len(UNIT_PROFILES)


@pytest.mark.parametrize("processor", list(Processor))
@pytest.mark.parametrize("chip", sorted(CHIPS))
def test_each_chip_has_one_leading_member(processor: Processor, chip: str) -> None:
    found = unit_profiles_of(processor, (chip,))
    assert [unit_profile for unit_profile in found if unit_profile.leading] == [leading(processor, chip)] == [found[0]]


def test_a_phone_takes_the_members_of_its_generation() -> None:
    assert leading(Processor.NE, "A14") is leading(Processor.NE, "M1")
    assert CHIPS["A14"].confidence is Confidence.ASSUMED


def test_fast_keeps_the_leading_ones_and_an_unknown_chip_is_refused() -> None:
    assert all(unit_profile.leading for unit_profile in unit_profiles_of(Processor.NE, fast=True))
    with pytest.raises(KeyError):
        unit_profiles_of(Processor.CPU, ("M99",))
