"""How bits are lost: rounding and accumulators, and the profiles as data."""

from mlparity.engine.numerics.numerics import Confidence, Numerics, Profile
from mlparity.engine.numerics.profiles import FP32, PROFILES, REFERENCE, TYPED

__all__ = ["FP32", "PROFILES", "REFERENCE", "TYPED", "Confidence", "Numerics", "Profile"]
