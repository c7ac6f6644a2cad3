"""The `.mlpackage` folder: the manifest, the spec file and the files that the spec refers to, all of them inside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import SMALL, check_members, read_regular, reason_of

SUFFIX = ".mlpackage"

_DATA = "Data"


@dataclass(frozen=True, slots=True)
class Package:
    """A model on disk: the folder (or file), and the spec within it."""

    path: Path
    spec: Path

    def resolve(self, name: str) -> Path:
        """Return the file that a blob's `@model_path/...` means.

        Raises:
            FormatError: the name leads outside the package, or is none that a file can have.
        """
        relative = name.removeprefix("@model_path").lstrip("/")
        return _inside(self.path, self.spec.parent / relative, f"weight file {name!r}")


def find_package(path: Path) -> Package:
    """Return the package at `path`, an `.mlpackage` folder or a bare `.mlmodel` spec file.

    Raises:
        FormatError: there is no such file, it is not a package, or something in it is no ordinary file of it.
    """
    if path.is_file() and path.suffix != SUFFIX:
        return Package(path.parent, path)
    if not path.is_dir():
        is_there = path.exists()
        raise _not_a_package(path, "neither a folder nor an ordinary file" if is_there else "no such file or folder")
    if path.suffix == ".mlmodelc" and not (path / "Manifest.json").exists():
        raise _compiled_by_apple(path)
    check_members(path)
    manifest = _manifest(path)
    root = manifest.get("rootModelIdentifier")
    entries = manifest.get("itemInfoEntries")
    item = entries.get(root) if isinstance(entries, dict) and isinstance(root, str) else None
    name = item.get("path") if isinstance(item, dict) else None
    if not isinstance(name, str):
        raise _not_a_package(path, "the manifest names no root model")
    spec = _inside(path, path / _DATA / name, f"manifest entry {name!r}")
    if not spec.is_file():
        raise _not_a_package(path, f"the manifest names {name!r}, which is not there")
    return Package(path, spec)


def _manifest(path: Path) -> dict[str, object]:
    try:
        manifest = json.loads(read_regular(path / "Manifest.json", limit=SMALL))
    except FileNotFoundError as error:
        raise _not_a_package(path, "the folder has no Manifest.json") from error
    except (OSError, ValueError, RecursionError) as error:
        raise _not_a_package(path, f"Manifest.json cannot be read: {error}") from error
    if not isinstance(manifest, dict):
        raise _not_a_package(path, "Manifest.json is not an object")
    return manifest


def _inside(folder: Path, path: Path, what: str) -> Path:
    try:
        target = path.resolve()
        is_inside = target.is_relative_to(folder.resolve())
        if is_inside:
            target.exists()  # refuses a name that is too long, as resolving does not
    except (OSError, RuntimeError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise _not_a_package(folder, f"{reason}: {what}") from error
    if not is_inside:
        raise FormatError(
            "a path in the package leads outside of it",
            where=str(folder),
            found=what,
            expected="a path below the package",
            next_step="do not use this package unless you trust where it comes from; convert it again",
        )
    return target


def _compiled_by_apple(path: Path) -> FormatError:
    return FormatError(
        "a model that Core ML has compiled cannot be read",
        where=str(path),
        found="an .mlmodelc folder without a package",
        expected="the .mlpackage that it was compiled from",
        next_step="use the package, or compile it with coremltools.models.utils.compile_model here",
    )


def _not_a_package(path: Path, found: str) -> FormatError:
    return FormatError(
        "not a Core ML package",
        where=str(path),
        found=found,
        expected="an .mlpackage folder as coremltools saves it",
        next_step="check the path; `model.save('name.mlpackage')` writes one",
    )
