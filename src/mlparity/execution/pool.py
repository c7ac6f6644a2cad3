"""Workers that take items from one queue; an item whose worker dies goes back to the front of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mlparity.core.errors import ExecutionError, MlparityError
from mlparity.execution import worker as worker_module
from mlparity.execution.address import Address, address_from
from mlparity.execution.ray import connected, ray_module, store_is_full
from mlparity.execution.versions import check_versions

_TRIES = 10
"""How often an item may lose its worker before it is taken for the reason (assumed)."""

_STAFFED_EVERY_S = 2.0
_NOBODY_S = 120.0
"""How long nobody may come to work before that is an error (assumed: other users may hold the processors)."""


class LostWorkError(ExecutionError):
    """An item was given up: it has lost its worker again and again."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is done with items: a function of ours `module:name`, and the reference of the parcel that it is given."""

    key: str
    opener: str
    parcels: tuple[Any, ...] = ()


@dataclass(slots=True, eq=False)
class _Item:
    task: Task
    value: Any
    tries: int = 0


@dataclass(slots=True, eq=False)
class _Hand:
    """A worker: its actor, what it is asked for now, and whether it has told its versions."""

    actor: Any
    asked: Any
    is_first: bool
    is_ready: bool = False
    ticket: int | None = None


@dataclass(slots=True, eq=False)
class Pool:
    """Workers at an address, all with the same versions as this process; `packages` are those that are compared."""

    address: Address
    packages: Mapping[str, str]
    notes: list[str] = field(default_factory=list)
    _queue: deque[int] = field(default_factory=deque)
    _items: dict[int, _Item] = field(default_factory=dict)
    _done: dict[int, Any] = field(default_factory=dict)
    _hands: list[_Hand] = field(default_factory=list)
    _refused: int = 0
    _tickets: int = 0
    _staffed: float = 0.0
    _wanted: int = 0
    _came: float = field(default_factory=time.monotonic)
    _kind: Any = None

    @property
    def workers(self) -> int:
        """How many are at work."""
        return sum(hand.is_ready for hand in self._hands)

    @property
    def title(self) -> str:
        """How many are at work, as progress tells it."""
        return f"{self.workers} {'worker' if self.workers == 1 else 'workers'}"

    @property
    def ahead(self) -> int:
        """How many items may wait for each other, so that every worker has a next one."""
        return 3 * max(self.workers, self._wanted, 1)

    def submit(self, task: Task, value: Any) -> int:
        """Put an item at the end of the queue and return its ticket."""
        self._tickets += 1
        self._items[self._tickets] = _Item(task, value)
        self._queue.append(self._tickets)
        return self._tickets

    def result(self, ticket: int, tell: Callable[[], None]) -> Any:
        """Wait for an item and return what was made of it; `tell` is called meanwhile, every second at least.

        Raises:
            MlparityError: the item's function raises it, workers have other versions, or nobody comes to work.
        """
        while ticket not in self._done:
            self._go_on()
            tell()
        found = self._done.pop(ticket)
        if isinstance(found, Exception):
            raise found
        return found

    def forget(self, tickets: list[int]) -> None:
        """Leave out items that nobody waits for any more; those that are at work are finished, and not kept."""
        for ticket in tickets:
            self._items.pop(ticket, None)
            self._done.pop(ticket, None)
            if ticket in self._queue:
                self._queue.remove(ticket)

    def close(self) -> None:
        """Let every worker tidy up, and end."""
        ray = ray_module()
        for hand in self._hands:
            if hand.is_ready and hand.ticket is None:
                _waited(ray, hand.actor.end.remote())
            ray.kill(hand.actor)
        self._hands.clear()

    def _go_on(self) -> None:
        ray = ray_module()
        self._staff(ray)
        self._assign()
        asked = {hand.asked: hand for hand in self._hands if hand.asked is not None}
        if not asked:
            time.sleep(0.2)
        else:
            for reference in ray.wait(list(asked), timeout=1.0)[0]:
                self._take(ray, asked[reference], reference)
        self._check_anybody()

    def _staff(self, ray: Any) -> None:
        """Ask for as many workers as there are processors, and no more than there is work."""
        if time.monotonic() - self._staffed >= _STAFFED_EVERY_S:
            self._staffed = time.monotonic()
            here = self.address.workers
            self._wanted = int(ray.cluster_resources().get("CPU", 0)) if here is None else here
        work = len(self._queue) + sum(hand.ticket is not None for hand in self._hands)
        is_first = not self._tickets_done()
        while len(self._hands) + self._refused < self._wanted and len(self._hands) < work:
            actor = self._actor(ray).remote()
            self._hands.append(_Hand(actor, actor.about.remote(tuple(self.packages)), is_first))

    def _tickets_done(self) -> bool:
        return any(hand.is_ready for hand in self._hands)

    def _actor(self, ray: Any) -> Any:
        if self._kind is None:
            ray.cloudpickle.register_pickle_by_value(worker_module)
            try:
                self._kind = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(worker_module.Worker)
            finally:
                ray.cloudpickle.unregister_pickle_by_value(worker_module)
        return self._kind

    def _assign(self) -> None:
        for hand in self._hands:
            if not (self._queue and hand.is_ready and hand.asked is None):
                continue
            hand.ticket = self._queue.popleft()
            item = self._items[hand.ticket]
            task = item.task
            hand.asked = hand.actor.work.remote(task.key, task.opener, list(task.parcels), item.value)

    def _take(self, ray: Any, hand: _Hand, reference: Any) -> None:
        failures = ray.exceptions
        try:
            found = ray.get(reference)
        except failures.RayTaskError as error:
            self._finish(hand, _own_error(failures, error))
        except (failures.ObjectStoreFullError, failures.OutOfDiskError) as error:
            self._finish(hand, store_is_full(error))
        except failures.RayError as error:  # the worker, its machine or its answer is lost
            self._lose(ray, hand, error)
        else:
            self._finish(hand, found)

    def _finish(self, hand: _Hand, found: Any) -> None:
        self._came, hand.asked = time.monotonic(), None
        ticket, hand.ticket = hand.ticket, None
        if ticket is not None:
            if self._items.pop(ticket, None) is not None:
                self._done[ticket] = found
        elif isinstance(found, Exception):
            raise found
        else:
            self._welcome(hand, found)

    def _welcome(self, hand: _Hand, about: Mapping[str, str]) -> None:
        try:
            check_versions(self.packages, about)
        except MlparityError as error:
            if hand.is_first:
                raise
            # Somebody who comes later with other versions does not end what the others do.
            self.notes.append(f"a worker was left out: {error.where}: {error.found}")
            self._hands.remove(hand)
            self._refused += 1
            return
        hand.is_ready = True

    def _lose(self, ray: Any, hand: _Hand, error: Exception) -> None:
        self._hands.remove(hand)
        ray.kill(hand.actor)
        item = None if hand.ticket is None else self._items.get(hand.ticket)
        if hand.ticket is None or item is None:
            return
        item.tries += 1
        if item.tries < _TRIES:
            self._queue.appendleft(hand.ticket)
            return
        self._items.pop(hand.ticket)
        self._done[hand.ticket] = LostWorkError(
            f"{_TRIES} workers have died with the same work",
            found=f"{type(error).__name__}: {error}",
            next_step="see whether the machines run out of memory; fewer workers with --ray local:N need less",
        )

    def _check_anybody(self) -> None:
        if self.workers:
            self._came = time.monotonic()
        elif time.monotonic() - self._came > _NOBODY_S:
            raise ExecutionError(
                "no worker has come to work",
                where=f"--ray {self.address.text}",
                found=f"{self._wanted} processors in the cluster, none free for {_NOBODY_S:.0f} s",
                next_step="see who holds them with `ray status`, or add a machine to the cluster",
            )


def _own_error(failures: Any, error: Any) -> Exception:
    """Return what a worker raised: an error of ours as it is, anything else with the worker's own trace."""
    cause = error.cause
    if isinstance(cause, MlparityError):
        return cause
    if isinstance(cause, failures.ObjectStoreFullError | failures.OutOfDiskError):
        return store_is_full(cause)
    found: Exception = error
    return found


def _waited(ray: Any, reference: Any) -> None:
    try:
        ray.get(reference, timeout=5.0)
    except ray.exceptions.RayError:
        return


_open: list[Pool] = []


@contextmanager
def workers_at(text: str, packages: Mapping[str, str]) -> Iterator[Pool]:
    """Yield workers at an address; inside another such block its workers.

    Raises:
        InputError: no such address.
        MlparityError: as `connected`.
    """
    address = address_from(text)
    if _open:
        yield _open[-1]
        return
    with connected(address):
        pool = Pool(address, packages)
        _open.append(pool)
        try:
            yield pool
        finally:
            _open.remove(pool)
            pool.close()
