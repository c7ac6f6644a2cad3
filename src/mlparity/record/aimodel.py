"""Our texts in an `.aimodel`: the metadata that its creator may define, in the folder's `metadata.json`.

Core AI and Xcode show them. Source: the file that coreai-core 1.0.0b3 writes for `AIModelAssetMetadata.set_custom`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import SMALL, read_regular
from mlparity.record.files import write_whole

SUFFIX = ".aimodel"

_CUSTOM = "creatorDefinedMetadata"


def about_path(model: Path) -> Path:
    """Return the file that holds the metadata."""
    return model / "metadata.json"


def write_texts(model: Path, texts: Mapping[str, str], prefix: str) -> Path:
    """Replace the texts whose names begin with `prefix`; return the file, the only one that is rewritten.

    Raises:
        FormatError: the metadata cannot be read.
        OutputError: it cannot be written; the model is left as it was.
    """
    path = about_path(model)
    about = _without(_read(path), prefix)
    about[_CUSTOM] = {**about.get(_CUSTOM, {}), **texts}
    write_whole(path, _text(about).encode())
    return path


def read_texts(model: Path, prefix: str) -> dict[str, str]:
    """Return the texts whose names begin with `prefix`.

    Raises:
        FormatError: the metadata cannot be read.
    """
    stored = _read(about_path(model)).get(_CUSTOM, {})
    return {name: str(stored[name]) for name in sorted(stored) if name.startswith(prefix)}


def sha256_without(path: Path, prefix: str) -> str:
    """Return the SHA-256 of the metadata's file as it is without the texts of `prefix`.

    Raises:
        FormatError: the metadata cannot be read.
    """
    return hashlib.sha256(_text(_without(_read(path), prefix)).encode()).hexdigest()


def _without(about: dict[str, Any], prefix: str) -> dict[str, Any]:
    kept = {name: text for name, text in about.get(_CUSTOM, {}).items() if not name.startswith(prefix)}
    rest = {name: value for name, value in about.items() if name != _CUSTOM}
    return {**rest, _CUSTOM: kept} if kept else rest


def _text(about: Mapping[str, Any]) -> str:
    return json.dumps(about, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(read_regular(path, limit=SMALL))
        if not isinstance(about, dict) or not isinstance(about.get(_CUSTOM, {}), dict):
            raise ValueError("another structure")
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(
            "the Core AI model's metadata cannot be read",
            where=str(path),
            found=str(error),
            expected="an .aimodel folder as coreai-torch saves it",
            next_step="check the path, or convert the model again",
        ) from error
    return about
