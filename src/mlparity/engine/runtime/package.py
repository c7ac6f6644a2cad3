"""`Package`: a program read once, and bound in several numerics whose plans share their constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

from torch import Tensor

from mlparity.core.errors import FormatError
from mlparity.engine.mil.program import Function, Interface, Program
from mlparity.engine.numerics import Profile
from mlparity.engine.reading import read_stages
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import Tap
from mlparity.engine.runtime.model import Model


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Package:
    """A program, and the constants that its plans have asked for, by function and name."""

    program: Program
    shared: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def function(self, name: str | None) -> Function:
        """Return the function `name`, the program's default where None.

        Raises:
            FormatError: there is none.
        """
        chosen = self.program.default_function if name is None else name
        if chosen not in self.program.functions:
            raise FormatError(
                f"the model has no function {chosen!r}",
                where=str(self.program.path),
                found=", ".join(sorted(self.program.functions)),
                next_step="pass one of these names",
            )
        return self.program.functions[chosen]

    def model(
        self, function: str | None, profile: Profile, profiles: Mapping[str, Profile], tap: Tap | None = None
    ) -> Model:
        """Return the model of `function` in `profile`, single ops in those of `profiles`; see `bind`.

        With a `tap` no op is merged into another, so that it sees them all; its constants are held wide, and its own.

        Raises:
            UnsupportedOpError: the engine lacks an op.
            FormatError: the function cannot be bound.
        """
        shared = self.shared.setdefault(self.function(function).name, {}) if tap is None else {}
        plan = bind(self.program, profile, function, kernels=tap is None, profiles=profiles, shared=shared)
        return Model(plan, tap)


_Key = tuple[tuple[object, ...], ...]

_OPEN: WeakValueDictionary[_Key, Package] = WeakValueDictionary()


def open_stages(path: Path) -> tuple[tuple[Package, ...], Interface]:
    """Return what the package at `path` runs in turn, one unless it is a pipeline, and its interface.

    One model is read once for as long as somebody holds it, unless its files change.

    Raises:
        FormatError: the package cannot be read.
    """
    key = _state_of(path)
    lone = _OPEN.get(key) if key else None
    if lone is not None:
        return (lone,), lone.program.interfaces[lone.program.default_function]
    programs, interface = read_stages(path)
    stages = tuple(Package(program) for program in programs)
    if len(stages) == 1 and key and _state_of(path) == key:  # else it was replaced while it was read
        _OPEN[key] = stages[0]
    return stages, interface


def _state_of(path: Path) -> _Key:
    """Return what tells the files of a package from any others, the times of changes among it: they cannot be set back.

    It is empty for a bare spec, whose weights may lie anywhere beside it.
    """
    whole = path.resolve()
    files = [whole, *sorted(whole.rglob("*"))] if whole.is_dir() else []
    return tuple((str(file), *_identity(file)) for file in files if file.exists())


def _identity(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
