from __future__ import annotations

import base64
import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlparity.core.errors import BackendUnavailableError, InputError
from mlparity.samples.images import ImageSamples, size_of, thumbnail
from mlparity.samples.load import load_samples
from mlparity.samples.preprocess import PRESETS, Colour, ImagePreprocess, Layout, preprocess_named
from mlparity.samples.random import random_samples, signature_from_text


def picture(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downwards, blue is 100."""
    grid = np.zeros((height, width, 3), np.uint8)
    grid[..., 0] = np.linspace(0, 255, width).astype(np.uint8)
    grid[..., 1] = np.linspace(0, 255, height).astype(np.uint8)[:, None]
    grid[..., 2] = 100
    return Image.fromarray(grid)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    picture(40, 30).save(tmp_path / "b.png")
    picture(30, 40).save(tmp_path / "a.jpg")
    (tmp_path / "notes.txt").write_text("not a sample")
    (tmp_path / ".hidden.png").write_text("not a sample")
    return tmp_path


def images(path: Path, preprocess: ImagePreprocess | str = "zero-to-one") -> ImageSamples:
    samples = load_samples(path, input_names=["x"], preprocess=preprocess)
    assert isinstance(samples, ImageSamples)
    return samples


def test_pictures_come_by_name_and_other_files_are_passed_over(folder: Path) -> None:
    samples = images(folder, "imagenet")
    assert [name for name, _ in samples] == ["a.jpg", "b.png"]
    assert len(samples) == 2
    assert {(sample["x"].shape, sample["x"].dtype.name) for _, sample in samples} == {((1, 3, 224, 224), "float32")}


def test_a_limit_keeps_the_first_pictures(folder: Path) -> None:
    limited = load_samples(folder, input_names=["x"], preprocess="imagenet", limit=1)
    assert [name for name, _ in limited] == ["a.jpg"]


def test_the_first_pictures_and_those_of_extreme_sizes_are_yielded(tmp_path: Path) -> None:
    for number, (width, height) in enumerate([(40, 40), (41, 40), (42, 45), (90, 44), (44, 90), (20, 21), (43, 43)]):
        picture(width, height).save(tmp_path / f"{number}.png")
    samples = images(tmp_path)
    shapes = {name: sample["x"].shape[2:] for name, sample in samples.first_and_extreme(2, 6)}
    assert shapes == {"0.png": (40, 40), "1.png": (40, 41), "5.png": (21, 20), "3.png": (44, 90), "4.png": (90, 44)}
    assert len(list(images(tmp_path).first_and_extreme(9, 9))) == 7


@pytest.mark.parametrize("orientation", range(1, 10))
def test_a_size_is_that_of_the_upright_picture(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture(40, 30).save(tmp_path / "a.jpg", exif=exif)
    ((_, sample),) = images(tmp_path)
    assert size_of(tmp_path / "a.jpg") == sample["x"].shape[:1:-1]


def test_an_orientation_that_is_no_number_turns_nothing(tmp_path: Path) -> None:
    text = struct.pack("<HHHI4sI", 1, 0x0112, 2, 2, b"6", 0)
    picture(40, 30).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0" + text)
    assert size_of(tmp_path / "a.jpg") == (40, 30)


def test_one_picture_is_a_set_of_one(folder: Path) -> None:
    assert len(images(folder / "b.png")) == 1


def test_values_are_scaled_then_shifted_by_channel() -> None:
    rule = ImagePreprocess(scale=1 / 50, mean=(0.0, 1.0, 2.0), std=(1.0, 2.0, 4.0))
    pixel = Image.new("RGB", (1, 1), (50, 100, 150))
    np.testing.assert_allclose(rule(pixel).ravel(), [1.0, 0.5, 0.25], rtol=1e-6)


@pytest.mark.parametrize(
    ("rule", "shape", "first"),
    [
        (ImagePreprocess(scale=1.0), (1, 3, 1, 2), [10, 10]),
        (ImagePreprocess(scale=1.0, layout=Layout.NHWC), (1, 1, 2, 3), [10, 20]),
        (ImagePreprocess(scale=1.0, colour=Colour.BGR), (1, 3, 1, 2), [30, 30]),
        (ImagePreprocess(scale=1.0, colour=Colour.GRAY), (1, 1, 1, 2), [18, 18]),
    ],
)
def test_axes_and_colours_are_ordered_as_asked(
    rule: ImagePreprocess, shape: tuple[int, ...], first: list[float]
) -> None:
    array = rule(Image.new("RGB", (2, 1), (10, 20, 30)))
    assert array.shape == shape
    assert array.ravel()[:2].tolist() == first


def test_the_shorter_side_is_resized_and_the_centre_kept() -> None:
    array = ImagePreprocess(shorter_side=20, crop=(10, 12), scale=1.0)(picture(80, 40))
    assert array.shape == (1, 3, 10, 12)
    # The centre of both ramps is half way.
    assert abs(float(array[0, 0].mean()) - 127.5) < 3
    assert abs(float(array[0, 1].mean()) - 127.5) < 3


def test_a_size_ignores_the_proportions() -> None:
    assert ImagePreprocess(size=(5, 9))(picture(80, 40)).shape == (1, 3, 5, 9)


def test_imagenets_preset_agrees_with_the_formula_on_a_plain_picture() -> None:
    array = PRESETS["imagenet"](Image.new("RGB", (300, 400), (255, 0, 51)))
    expected = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    np.testing.assert_allclose(array[0].reshape(3, -1).T, np.tile(expected, (224 * 224, 1)), rtol=1e-5)


def test_a_model_that_takes_bytes_gets_them_unchanged() -> None:
    array = PRESETS["bytes"](Image.new("RGB", (1, 1), (1, 128, 255)))
    assert (array.dtype.name, array.ravel().tolist()) == ("uint8", [1, 128, 255])


def test_bytes_that_become_floats_keep_their_values(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('preset = "bytes"\ndtype = "float32"\n')
    array = preprocess_named(str(tmp_path / "own.toml"))(Image.new("RGB", (1, 1), (1, 128, 255)))
    assert (array.dtype.name, array.ravel().tolist()) == ("float32", [1.0, 128.0, 255.0])


def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: the camera was held upright
    picture(40, 20).save(tmp_path / "turned.jpg", exif=turned)
    [(_, sample)] = images(tmp_path)
    assert sample["x"].shape == (1, 3, 40, 20)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_other_eight_bit_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    suffix = "jpg" if mode == "CMYK" else "png"
    picture(4, 4).convert(mode).save(tmp_path / f"one.{suffix}")
    [(_, sample)] = images(tmp_path)
    assert sample["x"].shape == (1, 3, 4, 4)


def test_sixteen_bits_are_refused_rather_than_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(InputError, match="more than 8 bits"):
        list(images(tmp_path))


def test_thumbnails_are_small_pngs(folder: Path) -> None:
    picture(800, 400).save(folder / "c.png")
    uri = thumbnail(images(folder), "c.png")
    head, _, body = uri.partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(body))) as small:
        assert small.size == (160, 80)


def test_samples_that_are_no_pictures_have_no_thumbnail() -> None:
    assert thumbnail(random_samples(signature_from_text(["x:1"])), "random 0") == ""


def test_pictures_without_a_preprocessing_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="need a preprocessing") as caught:
        load_samples(folder, input_names=["x"])
    assert "imagenet" in caught.value.expected


def test_pictures_for_a_model_with_several_inputs_need_a_name(folder: Path) -> None:
    with pytest.raises(InputError, match="several inputs"):
        load_samples(folder, input_names=["x", "y"], preprocess="imagenet")
    named = load_samples(folder, input_names=["x", "y"], preprocess=ImagePreprocess(input="y"))
    assert list(next(iter(named))[1]) == ["y"]


@pytest.mark.parametrize("kept", [0, 8, 60])
def test_an_unreadable_picture_is_named(folder: Path, kept: int) -> None:
    (folder / "cut.png").write_bytes((folder / "b.png").read_bytes()[:kept])
    with pytest.raises(InputError, match="cannot be read") as caught:
        list(images(folder))
    assert caught.value.where.endswith("cut.png")


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_that_breaks_after_its_beginning_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    first, _, second = _encoded(Image.fromarray(noise)).rpartition(b"IDAT")
    (tmp_path / "broken.png").write_bytes(first + bytes(4) + second)
    with pytest.raises(InputError, match="a picture cannot be read") as caught:
        list(images(tmp_path))
    assert "SyntaxError" in caught.value.found


def test_a_picture_with_more_text_than_pillow_unpacks_is_named(tmp_path: Path) -> None:
    plain, text = _encoded(picture(2, 2)), b"zTXt" + b"key\0\0" + zlib.compress(bytes(1 << 21))
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    head = 33  # of the signature and the header
    (tmp_path / "long.png").write_bytes(plain[:head] + chunk + plain[head:])
    with pytest.raises(InputError, match="a picture cannot be read") as caught:
        list(images(tmp_path))
    assert "ValueError" in caught.value.found


def test_without_pillow_pictures_say_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = images(folder)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(BackendUnavailableError) as caught:
        list(samples)
    assert "mlparity[images]" in caught.value.next_step


def test_a_set_says_how_many_pictures_it_has_and_how_they_are_prepared(folder: Path) -> None:
    assert images(folder, "imagenet").description == f"2 pictures (imagenet) from {folder.name}"
    assert images(folder, ImagePreprocess()).description == f"2 pictures (own preprocessing) from {folder.name}"


def test_a_preprocessing_of_ones_own_is_called_with_the_picture(folder: Path, tmp_path: Path) -> None:
    code = "import numpy as np\ndef tiny(image):\n    return np.asarray(image.resize((2, 3)), np.float32)\n"
    (tmp_path / "own.py").write_text(code)
    samples = load_samples(folder, input_names=["x"], preprocess=f"{tmp_path / 'own.py'}:tiny")
    assert {sample["x"].shape for _, sample in samples} == {(3, 2, 3)}


def test_a_preprocessing_that_raises_is_an_input_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def bad(image):\n    raise ValueError('no such mode')\n")
    with pytest.raises(InputError, match="preprocessing raised") as caught:
        list(load_samples(folder, input_names=["x"], preprocess=f"{tmp_path / 'own.py'}:bad"))
    assert caught.value.found == "ValueError: no such mode"


def test_a_toml_file_describes_a_preprocessing(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('preset = "imagenet"\ncolour = "BGR"\ncrop = [200, 100]\nmean = [0.5]\nscale = 1\n')
    rule = preprocess_named(str(file), "image")
    assert (rule.input, rule.shorter_side, rule.crop, rule.colour) == ("image", 256, (200, 100), Colour.BGR)
    assert (rule.mean, rule.scale, rule.std) == ((0.5,), 1, (0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("colour = ", "cannot be read"),
        ('color = "RGB"\n', "unknown key"),
        ('preset = "coco"\n', "cannot be used"),
        ('colour = "rgb"\n', "cannot be used"),
        ("crop = 224\n", "cannot be used"),
        ("crop = [1.5, 2]\n", "cannot be used"),
        ("mean = [1, 2]\n", "cannot be used"),
        ('dtype = "float64"\n', "cannot be used"),
    ],
)
def test_a_toml_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(InputError, match=complaint):
        preprocess_named(str(tmp_path / "own.toml"))


def test_an_unknown_preprocessing_lists_the_presets() -> None:
    with pytest.raises(InputError, match="no preprocessing imgnet") as caught:
        preprocess_named("imgnet")
    assert "imagenet" in caught.value.expected


def test_a_folder_of_class_folders_gives_one_of_each_class_in_turn(tmp_path: Path) -> None:
    for place, name in enumerate(("cat/b.png", "cat/a.png", "cat/c.png", "dog/a.png", "empty/notes.txt")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if name.endswith(".png"):
            Image.new("RGB", (8, 8), (place, 0, 0)).save(tmp_path / name)
    (tmp_path / "empty/notes.txt").write_text("no picture")
    found = load_samples(tmp_path, input_names=("image",), preprocess=lambda picture: np.asarray(picture, np.float32))
    names = [name for name, _ in found]
    assert names == ["cat/a.png", "dog/a.png", "cat/b.png", "cat/c.png"]
    assert found.description == f"4 pictures (own preprocessing) of 2 classes from {tmp_path.name}"
    assert found.thumbnail("dog/a.png") != found.thumbnail("cat/a.png")  # type: ignore[attr-defined]
    few = load_samples(tmp_path, input_names=("image",), preprocess=lambda picture: np.asarray(picture), limit=2)
    assert [name for name, _ in few] == ["cat/a.png", "dog/a.png"]


def test_folders_without_pictures_are_no_samples(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    with pytest.raises(InputError, match="there are no samples"):
        load_samples(tmp_path, input_names=("image",), preprocess="imagenet")
