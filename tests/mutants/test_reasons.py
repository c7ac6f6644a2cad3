"""The reasons for what the tests do not notice name lines that are there."""

from __future__ import annotations

import pytest

from tests.mutants.reasons import Reason, reasons
from tests.mutants.rooms import ROOMS, ROOT


def test_every_room_has_files_and_tests() -> None:
    for room in ROOMS:
        assert room.files()
        assert all((ROOT / each).exists() for each in room.tests)


@pytest.mark.parametrize("reason", reasons(), ids=lambda each: f"{each.file}: {each.now}")
def test_a_reason_names_a_line_that_is_there(reason: Reason) -> None:
    assert reason.why.endswith(".")
    assert reason.was != reason.now
    text = " ".join((ROOT / reason.file).read_text(encoding="utf-8").split())
    assert reason.was in text
