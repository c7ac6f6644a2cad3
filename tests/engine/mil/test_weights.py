from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.engine.mil.dtypes import BY_NAME, unpack

PACKED = [name for name, row in BY_NAME.items() if row.is_packed]


@pytest.mark.parametrize("name", PACKED)
@given(data=st.data())
def test_unpacking_reverses_packing(name: str, data: st.DataObject) -> None:
    scalar = BY_NAME[name]
    low, high = (-(1 << scalar.bits - 1), (1 << scalar.bits - 1) - 1) if name[0] == "i" else (0, (1 << scalar.bits) - 1)
    values = data.draw(st.lists(st.integers(low, high), max_size=40))
    bits = "".join(format(value & ((1 << scalar.bits) - 1), f"0{scalar.bits}b")[::-1] for value in values)
    packed = np.array([int(bits[at : at + 8].ljust(8, "0")[::-1], 2) for at in range(0, len(bits), 8)], np.uint8)
    assert unpack(packed, scalar, len(values)).tolist() == values
