"""Which files are mutated, and which tests have to notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Room:
    """The sources of a room, as patterns below src/mlparity, and its own tests, the quick ones first.

    `imports` are modules that the tests need and that import none of the sources.
    """

    name: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]
    imports: tuple[str, ...]

    def files(self) -> tuple[Path, ...]:
        """Return the sources' paths from the project's root."""
        found = {path for pattern in self.sources for path in ROOT.glob(f"src/mlparity/{pattern}")}
        return tuple(sorted(path.relative_to(ROOT) for path in found if path.name != "__init__.py"))


_PLAIN = (
    "numpy",
    "pytest",
    "hypothesis.extra.numpy",
    "hypothesis.internal.conjecture.engine",
    "jsonschema",
    "PIL.Image",
    "pydantic",
)
_ENGINE = ("torch", "coremltools", "numba", "mlparity.engine.ops.registry", "mlparity.engine.mil.reader")
_CORE = ("mlparity.record.record", "mlparity.record.rows", "mlparity.core.user_code", "mlparity.core.session")

ROOMS = (
    Room("compare", ("compare/**/*.py",), ("tests/compare",), (*_PLAIN, *_CORE)),
    Room(
        "record",
        (
            *("record/files.py", "record/metadata.py", "record/outputs.py", "record/schema.py", "record/text.py"),
            *("record/tuning_file.py", "verification/check.py", "targets/metadata.py", "targets/*/metadata.py"),
        ),
        ("tests/record", "tests/verification/test_check.py", "tests/targets/coreai/test_metadata.py"),
        (*_PLAIN, *_CORE, *_ENGINE, "mlparity.compare.comparer", "mlparity.targets.coreml.convert"),
    ),
    Room(
        "rules",
        ("record/decisive.py", "core/numbers.py", "core/finiteness.py", "diagnose/ladder.py", "record/excess.py"),
        ("tests/diagnose/test_ladder.py", "tests/record/test_decisive.py", "tests/core"),
        (*_PLAIN, *_CORE, *_ENGINE, "mlparity.engine.runtime.bind", "mlparity.engine.runtime.interpret"),
    ),
    Room(
        "placement",
        ("engine/placement/eligibility.py", "engine/placement/gates.py", "engine/placement/placements.py"),
        ("tests/engine/placement",),
        (*_PLAIN, *_CORE, *_ENGINE),
    ),
    Room("samples", ("samples/**/*.py",), ("tests/samples",), (*_PLAIN, *_CORE, "torch", "safetensors.numpy")),
)
