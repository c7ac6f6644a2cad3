"""A real package to write records into."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with one operation, a weight file and metadata of its author, made by coremltools itself."""
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import coremltools as ct
        from coremltools.converters.mil import Builder as mb

        @mb.program(input_specs=[mb.TensorSpec(shape=(1, 64))], opset_version=ct.target.iOS16)
        def program(x: object) -> object:
            return mb.linear(x=x, weight=np.ones((64, 64), np.float32), name="y")

        model = ct.convert(program, minimum_deployment_target=ct.target.iOS16, skip_model_load=True)
    model.user_defined_metadata["author.key"] = "kept"
    path = tmp_path_factory.mktemp("made") / "model.mlpackage"
    model.save(str(path))
    return path


@pytest.fixture
def package(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "model.mlpackage"))
