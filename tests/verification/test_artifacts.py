"""What is converted is checked before it counts as an artifact."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mlparity import api
from mlparity.core.errors import ConversionError, FormatError, InputError
from mlparity.targets.coreml.quiet_coremltools import quiet
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions
from tests.api.test_verification import Samples


class Bessel(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.special.i0(x)


def test_a_user_s_lowering_into_what_core_ml_does_not_load_is_no_artifact(tmp_path: Path) -> None:
    """The op is one that coremltools lacks; the lowering, a user's own, mirrors the first of three axes."""
    with quiet():
        from coremltools.converters.mil import Builder as mb
        from coremltools.converters.mil.frontend.torch.torch_op_registry import _TORCH_OPS_REGISTRY, register_torch_op

    def i0(context: Any, node: Any) -> None:
        cube = mb.reshape(x=context[node.inputs[0]], shape=[2, 2, 1])
        context.add(mb.pad(x=cube, pad=[1, 1, 0, 0, 0, 0], mode="reflect", name=node.name))

    register_torch_op(i0)
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]))
    try:
        with pytest.raises(ConversionError, match="none that Core ML loads") as refused:
            api.verify(Bessel().eval(), tmp_path / "out", Samples(), options=options)
    finally:
        del _TORCH_OPS_REGISTRY.name_to_func_mapping["i0"]
    assert "coremltools/issues/2576" in str(refused.value)
    assert not list(tmp_path.rglob("*.mlpackage"))


def test_a_given_package_that_core_ml_does_not_load_is_refused(tmp_path: Path) -> None:
    with quiet():
        import coremltools as ct
        from coremltools.converters.mil import Builder as mb

    @mb.program(input_specs=[mb.TensorSpec((1, 4))], opset_version=ct.target.iOS16)
    def padded(x: Any) -> Any:
        cube = mb.reshape(x=x, shape=[2, 2, 1])
        return mb.pad(x=cube, pad=[1, 1, 0, 0, 0, 0], mode="replicate")

    path = tmp_path / "given.mlpackage"
    with quiet():
        ct.convert(padded, minimum_deployment_target=ct.target.iOS16, skip_model_load=True).save(str(path))
    with pytest.raises(FormatError, match="refuses to load") as refused:
        api.verify(Bessel().eval(), tmp_path / "out", Samples(), options=VerifyOptions(artifacts=(path,)))
    assert "the last two axes only" in str(refused.value)


class Relu(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x)


def test_two_files_of_one_kind_are_refused(tmp_path: Path) -> None:
    """A setting runs one file: the other would be left out without a word."""
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]))
    api.verify(Relu().eval(), tmp_path / "made", Samples(), options=options)
    package = next((tmp_path / "made").glob("*.mlpackage"))
    other = shutil.copytree(package, tmp_path / "other.mlpackage")
    both = replace(options, artifacts=(package, other))
    with pytest.raises(InputError, match="two files of one kind"):
        api.verify(Relu().eval(), tmp_path / "out", Samples(), options=both)
    assert not (tmp_path / "out").exists()


def test_a_function_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none is given"):
        api.verify(Relu().eval(), tmp_path / "out", Samples(), options=VerifyOptions(function="main"))
