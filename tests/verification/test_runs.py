"""How the runs of a setting tell of a sample."""

from __future__ import annotations

import pytest

from mlparity.verification.runs import _called


@pytest.mark.parametrize(
    ("name", "said"), [("0", "sample 0"), ("cat/3.jpg", "sample cat/3.jpg"), ("sample 1", "sample 1")]
)
def test_a_sample_is_called_one_once(name: str, said: str) -> None:
    assert _called(name) == said
