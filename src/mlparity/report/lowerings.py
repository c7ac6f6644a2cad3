"""What deployment targets change, in sentences: the ops of the graphs, and the largest differences."""

from __future__ import annotations

from collections.abc import Mapping

from mlparity.core.numbers import format_number
from mlparity.record.record import Lowering, Record
from mlparity.record.rows import RowState, SettingResult


def lowering_sentences(record: Record) -> tuple[str, ...]:
    """Return a sentence for each pair of deployment targets whose graphs a record compares."""
    return tuple(_sentence(lowering, record) for lowering in record.lowerings)


def _sentence(lowering: Lowering, record: Record) -> str:
    parts = (("more ", lowering.more), ("fewer ", lowering.fewer))
    ops = "; ".join(f"{word}{_counted(counts)}" for word, counts in parts if counts)
    changed = f"the converter makes {ops}" if ops else "the converter makes the same ops"
    return f"{lowering.artifact} beside {lowering.other}: {changed}{_figures(lowering, record)}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} x {count}" for name, count in counts.items())


def _figures(lowering: Lowering, record: Record) -> str:
    """Say the largest differences of both in the setting that changes most, of those that both were compared in."""
    rows = [row for row in record.settings if row.state is RowState.COMPARED]
    own = {row.setting.compute_unit: row for row in rows if row.artifact == lowering.artifact}
    others = {row.setting.compute_unit: row for row in rows if row.artifact == lowering.other}
    pairs = [
        (own[unit], others[unit], name) for unit in own if unit in others for name in _both(own[unit], others[unit])
    ]
    if not pairs:
        return ""
    row, other, name = max(pairs, key=lambda pair: _change(*pair))
    return (
        f"; {name} differs from the source by at most {format_number(_differences(row)[name])} in {row.setting}"
        f" and {format_number(_differences(other)[name])} in {other.setting}"
    )


def _both(row: SettingResult, other: SettingResult) -> list[str]:
    known = _differences(other)
    return [name for name in _differences(row) if name in known]


def _change(row: SettingResult, other: SettingResult, name: str) -> float:
    return abs(_differences(row)[name] - _differences(other)[name])


def _differences(row: SettingResult) -> dict[str, float]:
    found = {each.output: each.figures.get("max_abs") for each in row.outputs}
    return {name: value for name, value in found.items() if value is not None}
