"""What was measured speaks for a setting, and of two devices the one that disagrees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlparity.core.words import Provenance, Verdict
from mlparity.record.decisive import decisive
from tests.record.example import example_record

COMPUTED = example_record().settings[0]
FAILS, PASSES, UNSURE = (
    replace(COMPUTED, provenance=Provenance.MEASURED, verdict=verdict)
    for verdict in (Verdict.FAIL, Verdict.PASS, Verdict.UNKNOWN)
)


@pytest.mark.parametrize(
    ("rows", "speaks"),
    [
        ([COMPUTED], COMPUTED),
        ([COMPUTED, FAILS], FAILS),
        ([FAILS, PASSES], FAILS),
        ([PASSES, FAILS, COMPUTED], FAILS),
        ([PASSES, UNSURE], UNSURE),
        ([replace(COMPUTED, verdict=Verdict.FAIL), PASSES], PASSES),
    ],
)
def test_one_row_speaks(rows: list[object], speaks: object) -> None:
    assert decisive(rows) == (speaks,)  # type: ignore[arg-type]


def test_settings_stay_apart_and_in_their_order() -> None:
    rows = example_record().settings
    assert decisive(rows) == rows
    assert decisive(()) == ()
