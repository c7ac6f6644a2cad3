"""What is made of a pixel: scale, bias and the order of channels."""

from __future__ import annotations

import numpy as np

from mlparity.diagnose.image_inputs import affine_of

PIXELS = np.random.default_rng(0).integers(0, 256, (1, 3, 6, 5)).astype(np.float64)
SCALE, BIAS = np.array([0.02, 0.01, 0.03]).reshape(1, 3, 1, 1), np.array([-1.0, 0.0, 2.0]).reshape(1, 3, 1, 1)


def test_scale_and_bias_of_each_channel_are_read() -> None:
    found = affine_of(PIXELS * SCALE + BIAS, PIXELS)
    assert found is not None
    np.testing.assert_allclose(found.scale, SCALE.reshape(-1))
    np.testing.assert_allclose(found.bias, BIAS.reshape(-1), atol=1e-9)
    assert found.order() == "RGB"
    assert found.text() == "scale (0.02, 0.01, 0.03), bias (-1, 0, 2)"


def test_channels_in_the_other_order_are_told() -> None:
    found = affine_of(PIXELS[:, ::-1] * 0.5, PIXELS)
    assert found is not None
    assert found.order() == "BGR"
    assert found.text() == "scale 0.5, bias 0"


def test_a_grey_photo_tells_no_order() -> None:
    grey = np.repeat(PIXELS[:, :1], 3, 1)
    found = affine_of(grey[:, ::-1] * 0.5 - 1, grey)
    assert found is not None
    assert found.order() == "RGB"


def test_what_is_not_linear_is_nothing() -> None:
    assert affine_of(np.sqrt(PIXELS), PIXELS) is None
    assert affine_of(np.zeros_like(PIXELS), PIXELS) is None


def test_one_other_number_makes_two_unlike() -> None:
    first, second = affine_of(PIXELS * SCALE + BIAS, PIXELS), affine_of(PIXELS * SCALE + BIAS * 1.1, PIXELS)
    assert first is not None
    assert second is not None
    assert first.is_like(first)
    assert not first.is_like(second)
