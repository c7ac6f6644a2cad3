"""A machine as tables: what is installed, and what can be done."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.record.machine import Machine, Package
from mlparity.report.plain_table import Rows
from mlparity.report.texts import PROVENANCES
from mlparity.targets.table import title_of

_ADDS = {
    "executorch": "makes .pte files with Core ML's delegate, which are read without it",
    "images": "reads folders of images",
    "ray": "runs samples on several processes and machines",
    "safetensors": "reads .safetensors files",
}
"""What the extras add that are of no target."""


def packages_table(machine: Machine) -> Rows:
    """Return a table of the packages, with what is wrong with each."""
    table = Rows("package", "installed", "wanted", "extra", "")
    for package in machine.packages:
        table.add_row(package.name, package.installed or "–", package.wanted, package.extra, _state(package))
    return table


def _state(package: Package) -> str:
    if package.installed is None:
        return "missing" if not package.extra else "not installed"
    return "ok" if package.is_right else "wrong version"


def extra_lines(machine: Machine) -> Iterator[str]:
    """Yield what extras that are not installed whole would add, and how to get them."""
    for extra in dict.fromkeys(package.extra for package in machine.packages if package.extra):
        if not all(package.is_right for package in machine.packages if package.extra == extra):
            what = _ADDS.get(extra, f"converts to {title_of(extra)} and runs it")
            yield f"{extra}: {what}: pip install 'mlparity[{extra}]'"


def ability_lines(machine: Machine) -> Iterator[str]:
    """Yield how the settings get their numbers on this machine, or why they cannot be run."""
    meanings = {str(provenance): words for provenance, words in PROVENANCES}
    for ability in machine.abilities:
        how = "not here" if ability.provenance is None else f"{ability.provenance}, {meanings[str(ability.provenance)]}"
        yield f"{', '.join(ability.settings)}: {how}{f': {ability.note}' if ability.note else ''}"
    yield f"chips whose arithmetic can be emulated: {', '.join(machine.chips)}"
