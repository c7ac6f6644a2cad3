"""What is installed here, and what this machine can measure, compute and emulate."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from mlparity import __version__
from mlparity.core.errors import MlparityError
from mlparity.core.regular_files import MEDIUM, read_regular
from mlparity.core.words import Precision, Provenance, Setting
from mlparity.engine.numerics import CHIPS
from mlparity.record.machine import Ability, Machine, Package
from mlparity.targets.table import all_settings, target_named

_OF_DEVELOPMENT = frozenset({"bench", "dev", "docs", "ecosystem", "mutants"})
"""The extras that nobody needs but who develops mlparity."""


def machine() -> Machine:
    """Return what is installed and what can be done with it; nothing is converted or run."""
    packages = tuple(_packages())
    return Machine(
        mlparity=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        processors=os.cpu_count() or 1,
        packages=packages,
        abilities=tuple(_abilities(packages)),
        chips=tuple(CHIPS),
    )


def processor() -> str:
    """Return the kind of this machine's processor: its maker, and the kernels that PyTorch chooses for it."""
    import torch

    return f"{_maker()} {torch.backends.cpu.get_cpu_capability()}"


def _maker() -> str:
    """Return the maker: libraries choose other kernels for another one's processors. Source: /proc/cpuinfo."""
    try:
        lines = read_regular(Path("/proc/cpuinfo"), limit=MEDIUM).decode().splitlines()
    except (OSError, ValueError, MlparityError):
        return platform.machine()
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id"))
    return next(found, platform.machine())


def versions_for(targets: Collection[str]) -> dict[str, str]:
    """Return the version of each package that figures of these targets depend on, as far as it is installed here."""
    always = ("torch", "coremltools", "numpy")
    own = (package.name for package in _packages() if package.extra in targets and package.installed)
    return {name: metadata.version(name) for name in (*always, *own)}


def _packages() -> Iterator[Package]:
    """Yield the packages that the installed distribution asks for on this machine."""
    wanted = [Requirement(text) for text in metadata.requires("mlparity") or ()]
    extras = metadata.metadata("mlparity").get_all("Provides-Extra") or ()
    for extra in ("", *(name for name in extras if name not in _OF_DEVELOPMENT)):
        for requirement in wanted:
            if _belongs(requirement, extra):
                yield _package(requirement, extra)


def _belongs(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    if marker is None:
        return not extra
    return marker.evaluate({"extra": extra}) and not (extra and marker.evaluate({"extra": ""}))


def _package(requirement: Requirement, extra: str) -> Package:
    try:
        installed = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        installed = None
    is_right = installed is not None and requirement.specifier.contains(installed, prereleases=True)
    return Package(requirement.name, str(requirement.specifier), installed, extra, is_right)


def _abilities(packages: Sequence[Package]) -> Iterator[Ability]:
    """Yield settings with the same answer together; a target's extra has the target's name."""
    absent = {package.extra for package in packages if not package.is_right}
    found: dict[tuple[Provenance | None, str], list[str]] = {}
    for setting in all_settings():
        found.setdefault(_answer(setting, setting.target in absent), []).append(str(setting))
    for (provenance, note), settings in found.items():
        yield Ability(tuple(settings), provenance, note)


def _answer(setting: Setting, is_absent: bool) -> tuple[Provenance | None, str]:
    if is_absent:
        return None, f"the extra is not installed whole: pip install 'mlparity[{setting.target}]'"
    target = target_named(setting.target)
    note = target.not_applicable(setting, False)
    if note:
        return None, note
    if target.engine is None or target.engine.provenance(None) is Provenance.MEASURED:
        return Provenance.MEASURED, ""
    has_variants = setting.computes_in is Precision.FP16 or (setting.unit and "GPU" in setting.unit.processors)
    return Provenance.EMULATED if has_variants else Provenance.COMPUTED, ""
