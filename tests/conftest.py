"""What holds for every test."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

# How long a draw takes says how busy the machine is, and nothing of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Of a mutant only that a test fails is asked for, and not on which smallest example.
_NO_SHRINKING = [phase for phase in Phase if phase not in (Phase.shrink, Phase.explain)]
settings.register_profile(
    "mutants", settings.get_profile("untimed"), phases=_NO_SHRINKING, max_examples=50, database=None
)
settings.load_profile("untimed")


@pytest.fixture(scope="module", autouse=True)
def _nothing_old_to_look_through() -> Iterator[None]:
    """Let the collector of garbage look through what a test file made, and not through all that is loaded.

    coremltools collects garbage with every conversion, which took seconds each where many files had run before.
    """
    gc.freeze()
    yield
    gc.collect()


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the session a temporary folder of its own, and remove it.

    coremltools makes a package for each model, and a worker that ends does not come to remove them.
    """
    tmp_path_factory.getbasetemp()  # pytest's own stays where it is
    with tempfile.TemporaryDirectory(prefix="mlparity-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        patch.setenv("MLPARITY_CACHE", "")  # nothing is taken from an earlier session, or from another test
        yield
