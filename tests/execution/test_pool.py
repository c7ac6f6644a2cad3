"""Workers of a real cluster: three nodes on this machine, one of which goes, and another one comes."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from mlparity.core.errors import ExecutionError, InputError
from mlparity.execution.address import address_from
from mlparity.execution.pool import Pool, Task, workers_at
from mlparity.execution.ray import connected, stored
from mlparity.execution.versions import check_versions

pytest.importorskip("ray", reason="Ray has no wheel for this machine")

ROOT = Path(__file__).parents[2]
JOBS = "tests.execution.jobs"
VERSIONS = {"numpy": metadata.version("numpy")}


def silent() -> None:
    return


@contextmanager
def paths(*folders: Path) -> Iterator[None]:
    """Let processes that start in the block import from here, and from these folders before."""
    with pytest.MonkeyPatch.context() as patch:
        known = os.environ.get("PYTHONPATH", "")
        patch.setenv("PYTHONPATH", os.pathsep.join([*map(str, folders), str(ROOT), *([known] if known else [])]))
        yield


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three nodes with one processor each; the first one's store is as small as Ray allows."""
    from ray.cluster_utils import Cluster

    with paths(), pytest.MonkeyPatch.context() as patch:
        before, handler = processes(), signal.getsignal(signal.SIGTERM)
        made = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False},
        )
        for _ in range(2):
            made.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        patch.setenv("RAY_ADDRESS", made.address)
        yield made
        made.shutdown()
        signal.signal(signal.SIGTERM, handler)  # Ray has put its own in its place
        assert gone(before), "processes of the cluster are left"


def processes() -> set[int]:
    """The processes on this machine whose command line tells of Ray."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"ray::" in text or b"raylet" in text or b"gcs_server" in text:
            found.add(int(folder.name))
    return found


def gone(before: set[int]) -> bool:
    deadline = time.monotonic() + 60
    while processes() - before and time.monotonic() < deadline:
        time.sleep(0.2)
    return not processes() - before


def results(pool: Pool, opener: str, parcel: object, items: range) -> list[Any]:
    task = Task(opener, f"{JOBS}:{opener}", (stored(parcel),))
    tickets = [pool.submit(task, item) for item in items]
    return [pool.result(ticket, silent) for ticket in tickets]


Answer = tuple[int, int]
"""The square of an item, and the process that found it."""


def go_on_until(pool: Pool, task: Task, found: list[Answer], processes: int) -> None:
    """Work on items until so many processes have answered in all: on a busy machine one may come late."""
    deadline = time.monotonic() + 180
    while len({process for _, process in found}) < processes and time.monotonic() < deadline:
        tickets = [pool.submit(task, item) for item in range(len(found), len(found) + 9)]
        found += [pool.result(ticket, silent) for ticket in tickets]
    assert len({process for _, process in found}) == processes


def test_a_cluster_loses_a_node_and_gains_one(cluster: Any, tmp_path: Path) -> None:
    found: list[Answer] = []
    with workers_at("auto", VERSIONS) as pool:
        task = Task("slow", f"{JOBS}:open_slow", (stored(str(tmp_path)),))
        go_on_until(pool, task, found, 3)
        begun = [pool.submit(task, item) for item in range(len(found), len(found) + 20)]
        with paths():
            cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
            cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        found += [pool.result(ticket, silent) for ticket in begun]
        go_on_until(pool, task, found, 4)
    assert [square for square, _ in found] == [item * item for item in range(len(found))]
    counted = Counter(file.name.partition(".")[0] for file in tmp_path.iterdir())
    assert set(counted) == set(map(str, range(len(found))))
    assert sum(counted.values()) - len(found) <= 1  # what the lost worker had begun, and nothing else, was done again


def test_an_item_whose_worker_dies_is_done_again_and_answered_once(cluster: Any, tmp_path: Path) -> None:
    with workers_at("auto", VERSIONS) as pool:
        assert results(pool, "open_deadly", str(tmp_path), range(6)) == list(range(6))
        assert (tmp_path / "killed").exists()
        with pytest.raises(InputError, match="no such item") as caught:
            results(pool, "open_refusing", None, range(1))
    assert (caught.value.where, caught.value.found) == ("the\nqueue", "0")


def test_a_worker_with_other_versions_counts_nothing(cluster: Any, tmp_path: Path) -> None:
    fake = tmp_path / "numpy-0.0.1.dist-info"
    fake.mkdir()
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n")
    with paths(tmp_path):
        node = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    try:
        with workers_at("auto", VERSIONS) as pool, pytest.raises(ExecutionError, match="other versions") as caught:
            results(pool, "open_slow", str(tmp_path), range(20))
    finally:
        cluster.remove_node(node)
    assert caught.value.found == "numpy 0.0.1"
    assert caught.value.expected == f"numpy {VERSIONS['numpy']}"


def test_a_worker_that_lacks_an_extra_is_told(cluster: Any) -> None:
    absent = {**VERSIONS, "a-package-of-no-machine": "1.0"}
    with workers_at("auto", absent) as pool, pytest.raises(ExecutionError, match="lacks a package") as caught:
        results(pool, "open_slow", "", range(1))
    assert "no a-package-of-no-machine" in caught.value.found
    assert "mlparity[" in caught.value.next_step


@pytest.mark.parametrize("text", ["local:0", "local:", "locally", "ray://host", "127.0.0.1:6379", ""])
def test_an_address_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no such address"):
        address_from(text)


def test_addresses_tell_how_many_workers_there_are() -> None:
    assert address_from("local").workers == os.cpu_count()
    assert address_from("local:3").workers == 3
    assert address_from("auto").workers is None
    assert address_from("ray://head:10001").workers is None


@pytest.mark.parametrize("text", ["auto", "ray://127.0.0.1:1"])
def test_nobody_at_an_address_is_an_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ExecutionError, match="no workers can be had") as caught, connected(address_from(text)):
        pass
    assert "ray status" in caught.value.next_step
    assert "RAY_AUTH_MODE=token" in caught.value.next_step, "Ray does not say that it lacks the cluster's token"


def test_versions_are_compared_by_package() -> None:
    from mlparity import __version__

    check_versions({"torch": "2.9"}, {"host": "a", "torch": "2.9", "mlparity": __version__})
    with pytest.raises(ExecutionError, match="lacks"):
        check_versions({"torch": "2.9"}, {"host": "a", "torch": "", "mlparity": __version__})
    with pytest.raises(ExecutionError, match="lacks"):
        check_versions({}, {"host": "a", "mlparity": ""})
    with pytest.raises(ExecutionError, match="other versions"):
        check_versions({"torch": "2.9"}, {"host": "a", "torch": "2.8", "mlparity": __version__})
