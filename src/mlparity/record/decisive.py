"""Which row speaks for a setting that has several: what was measured, before what was emulated or computed."""

from __future__ import annotations

from collections.abc import Iterable

from mlparity.core.words import Provenance, Verdict
from mlparity.record.rows import SettingResult

_WORST_FIRST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)


def decisive(results: Iterable[SettingResult]) -> tuple[SettingResult, ...]:
    """Return one row a setting, in the order of the settings: the worst of its measured rows, else of all.

    A setting that fails on one device does not pass because it is emulated to, or because another device agrees.
    """
    found: dict[str, SettingResult] = {}
    for result in results:
        name = str(result.setting)
        found[name] = min(found.get(name, result), result, key=_weight)
    return tuple(found.values())


def _weight(result: SettingResult) -> tuple[bool, int]:
    return result.provenance is not Provenance.MEASURED, _WORST_FIRST.index(result.verdict)
