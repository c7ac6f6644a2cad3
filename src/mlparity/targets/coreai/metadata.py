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
from mlparity.core.writing import write_whole
from mlparity.record.metadata import PREFIX
from mlparity.targets.metadata import Metadata, sha256_of_file, sha256_of_folder

_CUSTOM = "creatorDefinedMetadata"


def _about(model: Path) -> Path:
    return model / "metadata.json"


def _write_texts(model: Path, texts: Mapping[str, str]) -> Path:
    path = _about(model)
    about = _without_ours(_read(path))
    about[_CUSTOM] = {**about.get(_CUSTOM, {}), **texts}
    write_whole(path, _text(about).encode())
    return path


def _read_texts(model: Path) -> dict[str, str]:
    stored = _read(_about(model)).get(_CUSTOM, {})
    return {name: str(stored[name]) for name in sorted(stored) if name.startswith(PREFIX)}


def _sha256(model: Path) -> str:
    """Return a hash of every file's path and SHA-256, of the metadata without our texts as JSON with sorted names."""
    if model.is_file():
        return sha256_of_file(model)
    try:
        return sha256_of_folder(model, {_about(model): _sha256_of_about})
    except OSError as error:
        raise _unreadable(model, error) from error


def _sha256_of_about(path: Path) -> str:
    return hashlib.sha256(_text(_without_ours(_read(path))).encode()).hexdigest()


AIMODEL = Metadata(_read_texts, _write_texts, _sha256)
"""Texts in an `.aimodel`'s `metadata.json`, the only file that is rewritten."""


def _without_ours(about: dict[str, Any]) -> dict[str, Any]:
    kept = {name: text for name, text in about.get(_CUSTOM, {}).items() if not name.startswith(PREFIX)}
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
        raise _unreadable(path, error) from error
    return about


def _unreadable(path: Path, error: Exception) -> FormatError:
    return FormatError(
        "the Core AI model's metadata cannot be read",
        where=str(path),
        found=str(error),
        expected="an .aimodel folder as coreai-torch saves it",
        next_step="check the path, or convert the model again",
    )
