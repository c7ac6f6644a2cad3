"""An object store that is full, here and where a worker answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest

from mlparity.core.errors import OutputError
from mlparity.execution.pool import workers_at
from mlparity.execution.ray import stored
from tests.execution.test_pool import VERSIONS, paths, results

pytest.importorskip("ray", reason="Ray has no wheel for this machine")


@pytest.fixture
def full() -> Iterator[None]:
    """Ray on this machine with room for little, and a disk that it takes for full: it refuses what it cannot hold."""
    import ray

    with paths():
        ray.init(
            address="local",
            num_cpus=1,
            object_store_memory=80 * 2**20,
            include_dashboard=False,
            _system_config={"local_fs_capacity_threshold": 1e-4},
            log_to_driver=False,
            logging_level=logging.CRITICAL,
        )
        yield
        ray.shutdown()


def test_a_full_object_store_is_an_error_with_a_next_step(full: None) -> None:
    with pytest.raises(OutputError, match="object store is full") as caught:
        stored(np.zeros(200 * 2**20, np.uint8))
    assert "--object-store-memory" in caught.value.next_step
    with workers_at("local:1", VERSIONS) as pool, pytest.raises(OutputError, match="object store is full"):
        results(pool, "open_large", None, range(200 * 2**20, 200 * 2**20 + 1))
