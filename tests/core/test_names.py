"""A sample is called one once."""

from __future__ import annotations

import pytest

from mlparity.core.names import sample_called


@pytest.mark.parametrize(
    ("name", "said"), [("0", "sample 0"), ("cat/3.jpg", "sample cat/3.jpg"), ("sample 1", "sample 1")]
)
def test_a_sample_is_called_one_once(name: str, said: str) -> None:
    assert sample_called(name) == said
