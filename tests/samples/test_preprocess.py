"""From a picture to an array, by hand: geometry, colours, numbers, and what a TOML file may say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlparity.core.errors import InputError
from mlparity.samples.preprocess import PRESETS, Colour, ImagePreprocess, Layout, Resample, preprocess_named


def ramp(width: int, height: int) -> Image.Image:
    """A picture whose red value is its column and whose green value is its row."""
    grid = np.zeros((height, width, 3), np.uint8)
    grid[..., 0] = np.arange(width)
    grid[..., 1] = np.arange(height)[:, None]
    return Image.fromarray(grid)


@pytest.mark.parametrize(
    ("size", "shorter", "shape"),
    [
        # The shorter side is as asked for, the longer is rounded down.
        ((50, 100), 25, (50, 25)),
        ((100, 50), 25, (25, 50)),
        ((60, 60), 25, (25, 25)),
        ((33, 100), 25, (75, 25)),  # 75.76 down
        ((100, 33), 25, (25, 75)),
    ],
)
def test_the_proportions_are_kept(size: tuple[int, int], shorter: int, shape: tuple[int, int]) -> None:
    assert ImagePreprocess(shorter_side=shorter)(ramp(*size)).shape == (1, 3, *shape)


@pytest.mark.parametrize(
    ("size", "crop", "first_column", "first_row", "shape"),
    [
        ((10, 8), (4, 6), 2, 2, (4, 6)),
        ((10, 8), (8, 10), 0, 0, (8, 10)),
        # Half a pixel is rounded to the even number, as Python rounds.
        ((11, 8), (4, 6), 2, 2, (4, 6)),
        ((13, 9), (4, 6), 4, 2, (4, 6)),
    ],
)
def test_the_centre_is_cut_out(
    size: tuple[int, int], crop: tuple[int, int], first_column: int, first_row: int, shape: tuple[int, int]
) -> None:
    array = ImagePreprocess(crop=crop, dtype="uint8")(ramp(*size))
    assert array.shape == (1, 3, *shape)
    assert (array[0, 0, 0, 0], array[0, 1, 0, 0]) == (first_column, first_row)


def test_a_crop_beyond_the_picture_is_black_around_it() -> None:
    array = ImagePreprocess(crop=(4, 4), dtype="uint8")(Image.new("L", (2, 2), 9))
    assert array[0, 0].tolist() == [[0] * 4, [0, 9, 9, 0], [0, 9, 9, 0], [0] * 4]


def test_nothing_is_asked_for_and_nothing_changes() -> None:
    assert ImagePreprocess(dtype="uint8")(ramp(5, 3))[0, 0].tolist() == [list(range(5))] * 3
    assert ImagePreprocess()(Image.new("L", (1, 1), 255)).ravel().tolist() == [1.0] * 3


def test_size_is_height_and_width_and_comes_after_the_crop() -> None:
    array = ImagePreprocess(crop=(2, 4), size=(3, 5), resample=Resample.NEAREST, dtype="uint8")(ramp(8, 8))
    assert array.shape == (1, 3, 3, 5)
    assert set(array[0, 0].ravel().tolist()) <= {2, 3, 4, 5}


@pytest.mark.parametrize("resample", list(Resample))
def test_filters_are_pillow_s(resample: Resample) -> None:
    picture = ramp(16, 16)
    wanted = np.asarray(picture.resize((4, 4), Image.Resampling[resample.name])).transpose(2, 0, 1)
    found = ImagePreprocess(size=(4, 4), resample=resample, dtype="uint8")(picture)[0]
    np.testing.assert_array_equal(found, wanted)


def test_channels_are_turned_about_before_they_are_scaled() -> None:
    rule = ImagePreprocess(scale=1.0, colour=Colour.BGR, layout=Layout.NHWC, mean=(1, 2, 3), std=(1, 2, 4))
    assert rule(Image.new("RGB", (1, 1), (10, 20, 30))).ravel().tolist() == [29.0, 9.0, 1.75]
    assert rule(Image.new("RGB", (1, 1), (10, 20, 30))).dtype == np.float32


@pytest.mark.parametrize(
    ("preset", "black", "white"),
    [
        ("zero-to-one", 0.0, 1.0),
        ("minus-one-to-one", -1.0, 1.0),
        ("efficientnet-lite", -127 / 128, 1.0),
        ("bytes", 0, 255),
    ],
)
def test_a_preset_maps_black_and_white(preset: str, black: float, white: float) -> None:
    for colour, wanted in ((0, black), (255, white)):
        array = PRESETS[preset](Image.new("RGB", (256, 256), (colour,) * 3))
        assert array.ravel()[0] == pytest.approx(wanted, abs=1e-6)
        assert np.ptp(array.astype(np.float64)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("preset", "side"), [("imagenet", 224), ("efficientnet-lite", 224)])
def test_a_preset_resizes_to_256_and_cuts_out_224(preset: str, side: int) -> None:
    rule = PRESETS[preset]
    assert (rule.shorter_side, rule.crop) == (256, (side, side))
    assert rule(ramp(64, 32)).shape == (1, 3, side, side)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ('input = "image"', "input", "image"),
        ("shorter_side = 64", "shorter_side", 64),
        ("crop = [2, 3]", "crop", (2, 3)),
        ("size = [2, 3]", "size", (2, 3)),
        ('resample = "box"', "resample", Resample.BOX),
        ('colour = "GRAY"', "colour", Colour.GRAY),
        ('layout = "NHWC"', "layout", Layout.NHWC),
        ("scale = 2", "scale", 2),
        ("scale = 0.5", "scale", 0.5),
        ("mean = [0.5]", "mean", (0.5,)),
        ("mean = [1, 2, 3]", "mean", (1, 2, 3)),
        ("std = [1, 2, 3.5]", "std", (1, 2, 3.5)),
        ('dtype = "uint8"', "dtype", "uint8"),
        ('dtype = "float32"', "dtype", "float32"),
    ],
)
def test_each_key_of_a_toml_file(tmp_path: Path, text: str, field: str, value: object) -> None:
    (tmp_path / "own.toml").write_text(text)
    assert getattr(preprocess_named(str(tmp_path / "own.toml")), field) == value


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("input = 3", "input"),
        ("shorter_side = 1.5", "shorter_side"),
        ("shorter_side = [1]", "shorter_side"),
        ('scale = "1"', "scale"),
        ("crop = [1]", "crop"),
        ("crop = [1, 2, 3]", "crop"),
        ('crop = ["1", "2"]', "crop"),
        ("size = [1, 2.5]", "size"),
        ("size = 3", "size"),
        ("mean = []", "mean"),
        ("mean = [1, 2]", "mean"),
        ("mean = [1, 2, 3, 4]", "mean"),
        ("mean = 0.5", "mean"),
        ('std = ["1"]', "std"),
        ("scale = [1]", "scale"),
        ('resample = "cubic"', "resample"),
        ("layout = 1", "layout"),
        ('dtype = "int8"', "dtype"),
        ("dtype = 8", "dtype"),
        (f"size = 0x{'f' * 5000}", "size"),
        ("size = [-1, 2]", "size"),
        (f"crop = [{2**31}, 2]", "crop"),
        ("shorter_side = true", "shorter_side"),
        ("scale = nan", "scale"),
        ("scale = true", "scale"),
        (f"scale = {'9' * 400}", "scale"),
        ("std = [0]", "std"),
        ("std = [1, 0.0, 1]", "std"),
        ('preset = "coco"', "preset"),
        ("preset = 3", "preset"),
    ],
)
def test_each_value_of_a_toml_file_that_cannot_be_used(tmp_path: Path, text: str, key: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(InputError, match="cannot be used") as caught:
        preprocess_named(str(tmp_path / "own.toml"))
    assert caught.value.where == key
    assert caught.value.expected


def test_the_input_is_named_where_it_is_given() -> None:
    assert preprocess_named("imagenet", "image").input == "image"
    assert preprocess_named("imagenet").input == ""


def test_a_toml_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        preprocess_named(str(tmp_path / "none.toml"))


def test_a_toml_file_may_have_every_key(tmp_path: Path) -> None:
    text = """
    input = "x"
    shorter_side = 8
    crop = [4, 4]
    size = [2, 2]
    resample = "box"
    colour = "BGR"
    layout = "NHWC"
    scale = 1
    mean = [0]
    std = [1]
    dtype = "uint8"
    """
    (tmp_path / "own.toml").write_text(text)
    assert preprocess_named(str(tmp_path / "own.toml"))(ramp(16, 16)).shape == (1, 2, 2, 3)


def test_unknown_keys_are_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('zoom = 2\ncolor = "RGB"')
    with pytest.raises(InputError, match="unknown key") as caught:
        preprocess_named(str(tmp_path / "own.toml"))
    assert caught.value.found == "zoom, color"
    assert caught.value.expected == f"a known key: {', '.join(ImagePreprocess.model_fields)}, preset"
    assert caught.value.next_step == "did you mean colour?"


def test_a_preset_is_changed_by_the_other_keys(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('preset = "imagenet"\nlayout = "NHWC"\nmean = [0]')
    wanted = PRESETS["imagenet"].model_copy(update={"layout": Layout.NHWC, "mean": (0.0,)})
    assert preprocess_named(str(tmp_path / "own.toml")) == wanted


def test_a_toml_file_of_endless_brackets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f"crop = {'[' * 100_000}")
    with pytest.raises(InputError, match="cannot be read"):
        preprocess_named(str(tmp_path / "own.toml"))
