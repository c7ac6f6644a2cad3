"""The policies that come with mlparity, as data."""

from __future__ import annotations

from mlparity.record.policy import Limit, Policy

_NOTHING_NEW = (Limit("flips", at_most=0), Limit("nan_count", at_most=0), Limit("inf_count", at_most=0))

CONSISTENCY = Policy(
    name="consistency",
    # 1e-4 of the scale: healthy fp32 conversions are reported at 1e-5 to 1e-4 of unit-scale outputs, fp16 ones at 1e-3
    # and more.
    # Sources: https://github.com/apple/coremltools/issues/1023, https://github.com/apple/coremltools/issues/863 (fp32);
    # https://github.com/apple/coremltools/issues/1809, https://github.com/apple/coremltools/issues/2625 (fp16).
    limits=(Limit("max_abs", at_most=1e-4, of_scale=True), *_NOTHING_NEW),
)
"""The artifact computes the same numbers: what a correct fp32 conversion reaches."""

TASK = Policy(
    name="task",
    # 5e-2 of the scale: assumed; fp16 on unit-scale outputs is reported up to 4e-2 where it did no harm (issue 2625
    # above).
    limits=(Limit("max_abs", at_most=5e-2, of_scale=True), *_NOTHING_NEW),
)
"""The artifact makes the same decisions: no top class flips, and no difference of another order."""

POLICIES: tuple[Policy, ...] = (CONSISTENCY, TASK)
"""All policies that can be asked for by name; the first is the default."""
