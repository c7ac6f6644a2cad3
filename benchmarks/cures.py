"""How many of the corpus' curable models `--fix` cures, and whether each printed script makes the verified file.

Run from the repository's root, where it takes a quarter of an hour; `NAME...` are single models::

    python -m benchmarks.cures FOLDER [NAME...]

FOLDER has the artifacts, as `python -m tests.faults.corpus FOLDER` writes them. Prints a line a model, then the share.
Exit code 0 where at least 80% are cured and each script makes a file that gives the verified one's outputs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlparity import MlparityError, VerifyOptions, verify
from mlparity.core.session import Sample
from mlparity.record.fix import Fix
from mlparity.targets.artifacts import kind_of
from mlparity.targets.recipe import INPUTS
from mlparity.targets.table import checked_target, settings_from
from mlparity.targets.target import Opening
from tests.faults.corpus import newer
from tests.faults.fault import COREML, Fault

CURED = 0.8
"""The share that has to be cured."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one model."""

    name: str
    is_cured: bool
    is_made_again: bool
    text: str


def curable() -> tuple[Fault, ...]:
    """Return the models whose artifact a conversion makes right: neither as they are nor by a change of the source."""
    return tuple(each for each in newer() if each.cure not in ("", "source"))


def outcome_of(fault: Fault, folder: Path, out: Path) -> Outcome:
    """Verify a faulty artifact with `--fix`, and run the printed script again."""
    artifact = folder / f"{fault.name}{fault.suffix}"
    target, precision = kind_of(artifact)
    setting = f"{precision}/CPU_ONLY" if fault.suffix == COREML else f"{target}/{precision}"
    options = VerifyOptions(settings=settings_from([setting]), artifacts=(artifact,), chips=("M4",), fix=True)
    try:
        record = verify(f"tests.faults.sources:{fault.name}", out, fault.samples(), "consistency", options)
    except MlparityError as error:
        return Outcome(fault.name, False, True, error.what)
    found = record.fix if record.fix is not None else Fix(None)
    if found.setting is None:
        tried = (f"{attempt.change}: {attempt.failure or attempt.max_abs}" for attempt in found.attempts)
        return Outcome(fault.name, False, True, "; ".join(tried))
    if not found.script:
        return Outcome(fault.name, True, True, f"{found.setting} passes already")
    is_same = is_made_again(out, found, fault.samples()[0])
    return Outcome(fault.name, True, is_same, f"{found.attempts[-1].change}: {found.before} -> {found.after}")


def is_made_again(out: Path, found: Fix, sample: Sample) -> bool:
    """Run the script in another folder, and compare what the two files give."""
    with tempfile.TemporaryDirectory() as other:
        for name in (found.script, INPUTS):
            (Path(other) / name).write_bytes((out / name).read_bytes())
        command = [sys.executable, "-W", "ignore", str(Path(other) / found.script)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(("src", "."))}
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:
            return False
        sides = [_outputs(folder / found.package, sample) for folder in (out, Path(other))]
    return len(sides[0]) == len(sides[1]) and all(map(np.array_equal, *sides))


def _outputs(artifact: Path, sample: Sample) -> list[np.ndarray]:
    with closing(checked_target(artifact).open_artifact(artifact, Opening(input_names=tuple(sample)))) as session:
        return list(session.run(sample).values())


def main(arguments: Sequence[str]) -> int:
    """Try all, or those that are named."""
    folder, *names = arguments
    chosen = [each for each in curable() if not names or each.name in names]
    outcomes = []
    for fault in chosen:
        with tempfile.TemporaryDirectory() as out:
            outcomes.append(outcome_of(fault, Path(folder), Path(out) / "out"))
        found = outcomes[-1]
        print(f"{found.name}: cured {found.is_cured}, made again {found.is_made_again} ({found.text})", flush=True)
    cured, is_made = sum(each.is_cured for each in outcomes), all(each.is_made_again for each in outcomes)
    print(f"{cured} of {len(outcomes)} cured; every script makes the file: {is_made}")
    return 0 if cured >= CURED * len(outcomes) and is_made else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
