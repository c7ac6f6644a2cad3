"""Compiled models as this engine makes them: the package itself, under the name that coremltools asks for.

The folder is in the form of an `.mlpackage`. It is no Core ML bundle: Apple's `coremlc` makes those, from the package,
on macOS. What it is for is code that compiles a model and loads the result, with `coremltools` alone.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from mlparity.core.mlpackage import find_package

_SPEC = "com.mlparity/model.mlmodel"


def compile_package(path: Path) -> Path:
    """Return a new folder `.mlmodelc` with a copy of the model at `path`, a package or a bare spec file.

    Raises:
        FormatError: there is no such model.
    """
    package = find_package(path)
    target = Path(tempfile.mkdtemp(prefix="mlparity-")) / f"{path.stem}.mlmodelc"
    if path.is_dir():
        shutil.copytree(package.path, target)
        return target
    spec = target / "Data" / _SPEC
    spec.parent.mkdir(parents=True)
    shutil.copyfile(package.spec, spec)
    entry = {"author": "mlparity", "description": "", "name": spec.name, "path": _SPEC}
    manifest = {"fileFormatVersion": "1.0.0", "rootModelIdentifier": "model", "itemInfoEntries": {"model": entry}}
    (target / "Manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return target
