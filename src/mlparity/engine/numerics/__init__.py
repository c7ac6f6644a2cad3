"""How bits are lost: rounding and accumulators, and the profiles as data."""

from mlparity.core.words import Confidence
from mlparity.engine.numerics.chips import CHIPS, Processor
from mlparity.engine.numerics.facts import Fact
from mlparity.engine.numerics.numerics import Arithmetic, Numerics, Profile
from mlparity.engine.numerics.profiles import FP32, PROFILES, REFERENCE, TYPED

__all__ = [
    "CHIPS",
    "FP32",
    "PROFILES",
    "REFERENCE",
    "TYPED",
    "Arithmetic",
    "Confidence",
    "Fact",
    "Numerics",
    "Processor",
    "Profile",
]
