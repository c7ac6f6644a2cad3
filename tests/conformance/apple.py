"""A pytest plugin: coremltools' own tests take this machine for a recent macOS and predict with our engine.

The names that it replaces are those that coremltools 9.0's tests ask before they compare a prediction:
`coremltools._deps._IS_MACOS`, and `_is_macos` and `_macos_version` of `coremltools.models.utils` and `.model`.
CONFORMANCE_PROFILE names another profile than the one that users get, to see whether a failure is one of rounding, and
CONFORMANCE_UNITS the compute units whose arithmetic on a chip every model is run in. What some of the tests import
comes from `build/conformance/packages` and `build/models`.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Generator
from pathlib import Path

import pytest

import mlparity
from mlparity.engine.coremltools_binding import Arithmetic, arithmetic
from mlparity.engine.mil.program import Function
from mlparity.engine.numerics import PROFILES
from mlparity.engine.placement.variants import Choice, plain_choice
from tests.models import torchvision_operators

os.environ.setdefault("PYMIL_TEST_TARGETS", "mlprogram")
os.environ.setdefault("INCLUDE_MIL_FP32_UNIT_TESTS", "1")

_BUILD = Path(__file__).parents[2] / "build"

sys.path += [str(_BUILD / "conformance" / "packages"), str(_BUILD / "models")]

with warnings.catch_warnings(), torchvision_operators.declared():
    warnings.simplefilter("ignore")
    mlparity.enable_coremltools(chip=None)
    import coremltools._deps
    import coremltools.models.model
    import coremltools.models.utils

coremltools._deps._IS_MACOS = True
for _module in (coremltools.models.utils, coremltools.models.model):
    _module._is_macos = lambda: True
    _module._macos_version = lambda: (15, 0)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Generator[None, object, object]:
    """Run the tests in the profile, or as the compute units, that are asked for, where some are."""
    if not {"CONFORMANCE_PROFILE", "CONFORMANCE_UNITS"} & os.environ.keys():
        return (yield)
    with arithmetic(Arithmetic(_choose)):
        return (yield)


def _choose(function: Function, _units: str) -> Choice:
    if "CONFORMANCE_UNITS" in os.environ:
        return plain_choice(function, os.environ["CONFORMANCE_UNITS"])
    return Choice(PROFILES[os.environ["CONFORMANCE_PROFILE"]])
