"""Changes the code in one place at a time, and looks whether the room's own tests notice.

Usage: python -m tests.mutants [--jobs J] [--fresh] [--only TEXT] [ROOM ...]

Results are kept as they come: a run that was stopped goes on where it was, and a later one tries again what survived,
and what is in files that have changed; `--fresh` tries everything again. With all rooms, docs/mutants.md is written.
It fails where a room notices less than nine in ten, or where a survivor has no reason in docs/mutants.toml.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence

from tests.mutants.ledger import Ledger
from tests.mutants.mutations import mutations_of
from tests.mutants.pool import Worker, results_of
from tests.mutants.report import unexplained, write_report
from tests.mutants.rooms import ROOMS, Room

ENOUGH = 0.9


def main() -> int:
    """Return 0 if the tests of all rooms notice enough."""
    names = [room.name for room in ROOMS]
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes side by side")
    parser.add_argument("--fresh", action="store_true", help="forget the results of earlier runs")
    parser.add_argument("--again", action="store_true", help="try only what survived before")
    parser.add_argument(
        "--report", action="store_true", help="write docs/mutants.md from what is known, and try nothing"
    )
    parser.add_argument("--only", default="", help="mutate files with this text in their path")
    parser.add_argument("rooms", nargs="*", help=f"some of {', '.join(names)}")
    options = parser.parse_args()
    chosen = [room for room in ROOMS if not options.rooms or room.name in options.rooms]
    workers = [] if options.report else [Worker(number) for number in range(options.jobs)]
    ledgers = [_run(room, workers, options) for room in chosen]
    if not options.rooms and not options.only:  # a part would hide the rest
        write_report(ledgers)
    left = [each for ledger in ledgers for each in unexplained(ledger)]
    for each in left:
        sys.stdout.write(f"{each.path}:{each.line}: {each.operator}\n  - {each.was}\n  + {each.now}\n")
    return int(bool(left) or any(ledger.share < ENOUGH for ledger in ledgers))


def _run(room: Room, workers: Sequence[Worker], options: argparse.Namespace) -> Ledger:
    mutations = [each for path in room.files() if options.only in str(path) for each in mutations_of(path)]
    ledger = Ledger.of(room, mutations, fresh=options.fresh)
    if not workers:
        return ledger
    wanted = {"survived"} if options.again else {"", "survived", "timeout"}
    waiting = [each for each in mutations if ledger.outcome(each) in wanted]
    # In any order, so that a run that was stopped has seen all files alike.
    random.Random(0).shuffle(waiting)
    seconds = _seconds(room, workers)
    began = time.monotonic()
    for count, result in enumerate(results_of(workers, waiting, room.tests, seconds), 1):
        ledger.add(result)
        if count % 50 == 0 or count == len(waiting):
            sys.stderr.write(f"{room.name}: {count} of {len(waiting)}, {time.monotonic() - began:.0f} s\n")
    sys.stdout.write(f"{room.name}: {ledger.line()}\n")
    return ledger


def _seconds(room: Room, workers: Sequence[Worker]) -> float:
    """Run the tests on the code as it is in each copy; return how long a mutant may take.

    Raises:
        RuntimeError: the tests fail without any mutation.
    """
    path = room.files()[0]
    text = path.read_text(encoding="utf-8")
    for worker in workers:
        worker.start(room.imports)
    longest = 0.0
    for worker in workers:
        began = time.monotonic()
        outcome, said = worker.run(path, text, room.tests, 600, keeps_bytecode=True)
        if outcome != "survived":
            raise RuntimeError(f"the tests of {room.name} fail on the code as it is: {said}")
        longest = max(longest, time.monotonic() - began)
    return 10 * longest + 30


if __name__ == "__main__":
    sys.exit(main())
