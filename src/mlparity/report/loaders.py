"""The files that load the recommended artifact with the compute units that were verified."""

from __future__ import annotations

from mlparity.record.decisive import decisive
from mlparity.record.record import Record
from mlparity.record.rows import SettingResult
from mlparity.report.evidence import evidence_comments
from mlparity.targets.table import targets


def loader_names() -> tuple[str, ...]:
    """Return the names of all files that `loaders` may give."""
    return tuple(dict.fromkeys(loader.file for target in targets() for loader in target.loaders))


def loaders(record: Record) -> dict[str, str]:
    """Return the loaders' texts by the names of their files; empty where no setting is recommended."""
    row = _recommended(record)
    if row is None:
        return {}
    own = (loader for target in targets() if target.name == row.setting.target for loader in target.loaders)
    made = {loader.file: loader.text(row, evidence_comments(record, row, loader.mark)) for loader in own}
    return {name: text for name, text in made.items() if text is not None}


def swift_of(record: Record) -> str | None:
    """Return the loader in Swift, which reports show; None where there is none."""
    return next((text for name, text in loaders(record).items() if name.endswith(".swift")), None)


def _recommended(record: Record) -> SettingResult | None:
    """Return the row that speaks for the recommended setting."""
    return next((row for row in decisive(record.settings) if row.setting == record.recommendation.setting), None)
