"""What an assertion of parity asks for."""

from __future__ import annotations

import pytest

from mlparity.compare.policies import POLICIES
from mlparity.record.policy import Policy
from mlparity.verification.options import VerifyOptions
from mlparity.verification.parity import Claim


def required(*settings: str, deployments: tuple[str, ...] = ()) -> tuple[str, ...]:
    claim = Claim("task", settings=settings)
    found = claim.judged_by(claim.applied_to(VerifyOptions(deployment_targets=deployments)))
    return found.required if isinstance(found, Policy) else ("any",)


@pytest.mark.parametrize("pattern", ["fp16/*", "fp16/AL?", "fp16/[A]LL"])
def test_settings_that_are_named_are_required_and_patterns_are_not(pattern: str) -> None:
    assert required("fp32/CPU_ONLY", pattern) == ("fp32/CPU_ONLY",)
    assert required(pattern) == ("any",)
    assert required() == ("any",)


def test_a_named_setting_is_required_for_each_deployment_target() -> None:
    found = required("fp32/CPU_ONLY", deployments=("iOS16", "iOS18"))
    assert found == ("fp32@iOS16/CPU_ONLY", "fp32@iOS18/CPU_ONLY")


def test_what_an_object_requires_holds() -> None:
    claim = Claim(POLICIES[0], settings=("fp32/CPU_ONLY",))
    assert claim.judged_by(claim.applied_to(VerifyOptions())) is POLICIES[0]
