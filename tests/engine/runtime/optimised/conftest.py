"""These tests are of the compiled kernels, which they use whatever the environment says."""

from __future__ import annotations

import pytest

from mlparity.engine.numerics.switch import SWITCH


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
