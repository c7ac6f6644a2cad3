"""A given artifact whose own record says that it was made from a source with other weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlparity.core.errors import MlparityError
from mlparity.core.source import Source
from mlparity.record.causes import Evidence, Observation
from mlparity.record.metadata import PREFIX
from mlparity.targets.artifacts import artifact_sha256, read_metadata


def older_source(name: str, given: Iterable[Path], source: Source) -> Evidence | None:
    """Return what the given artifact of this file name says of its source where that had other weights.

    None where it says nothing, has changed since it was verified, or names the weights that the source has.
    """
    path = next((each for each in given if each.name == name), None)
    if path is None or not source.sha256:
        return None
    try:
        texts = {key.removeprefix(PREFIX): value for key, value in read_metadata(path).items()}
        is_whole = texts.get("artifact.sha256") == artifact_sha256(path)
    except MlparityError:
        return None
    made_from = texts.get("source.sha256", "")
    if not is_whole or made_from in ("", source.sha256):
        return None
    names = {"created": texts.get("created", ""), "theirs": made_from[:_SHOWN], "ours": source.sha256[:_SHOWN]}
    return Evidence(Observation.SOURCE_OLDER, {}, names)


_SHOWN = 12
