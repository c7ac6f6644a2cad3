from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlparity.core.errors import FormatError, MlparityError
from mlparity.engine.mil.printer import print_program
from mlparity.engine.mil.program import Name, TensorType
from mlparity.engine.mil.spec import proto
from mlparity.engine.reading import read_program
from mlparity.targets.artifacts import artifact_sha256
from tests.engine.mil.packages import write_package
from tests.loading import load_model

SPEC = Path("Data/com.apple.CoreML/model.mlmodel")
WEIGHTS = Path("Data/com.apple.CoreML/weights/weight.bin")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def copied(package: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(package, tmp_path / package.name))


def test_a_program_keeps_names_types_and_the_opset(package: Path) -> None:
    program = read_program(package)
    function = program.functions["main"]
    assert function.opset == 16
    assert str(function.inputs[0].type) == "fp32[1, 3, 16, 16]"
    assert function.body.outputs == ("y",)
    assert {"conv", "relu", "concat", "linear", "softmax"} <= {op.type for op in function.walk()}
    assert program.interfaces["main"].inputs[0].shape == (1, 3, 16, 16)


def test_weights_stay_in_the_mapped_file(package: Path) -> None:
    weights = [
        value.data
        for op in read_program(package).functions["main"].walk()
        for value in op.attributes.values()
        if isinstance(value.type, TensorType) and value.type.shape == (8, 3, 3, 3)
    ]
    assert len(weights) == 1
    assert isinstance(weights[0], np.ndarray)
    assert not weights[0].flags.writeable
    assert not weights[0].flags.owndata


def test_the_printed_program_has_a_line_for_each_op(package: Path) -> None:
    program = read_program(package)
    text = print_program(program)
    assert "= conv(" in text
    assert "fp16[1, 8, 16, 16]" in text
    assert text.count("\n") == len(list(program.functions["main"].walk())) + 2


Message = Any
"""A protobuf message: protobuf has no types of its own."""


def _edit_spec(path: Path, edit: Callable[[Message], None]) -> None:
    message = proto("Model").Model()
    message.ParseFromString((path / SPEC).read_bytes())
    edit(message)
    (path / SPEC).write_bytes(message.SerializeToString())


def _block(message: Message) -> Message:
    return message.mlProgram.functions["main"].block_specializations["CoreML6"]


def _blobs(message: Message) -> list[Message]:
    values = [each.attributes["val"] for each in _block(message).operations if each.type == "const"]
    return [value.blobFileValue for value in values if value.WhichOneof("value") == "blobFileValue"]


def _rename_root(path: Path, name: str = "../../outside.mlmodel") -> None:
    manifest = json.loads((path / "Manifest.json").read_text())
    manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"] = name
    (path / "Manifest.json").write_text(json.dumps(manifest))


def _set_offsets(message: Message, offset: int) -> None:
    for blob in _blobs(message):
        blob.offset = offset


def _name_weights(message: Message, name: str) -> None:
    for blob in _blobs(message):
        blob.fileName = f"@model_path/{name}"


def _truncate(path: Path, part: Path, keep: float) -> None:
    data = (path / part).read_bytes()
    (path / part).write_bytes(data[: int(len(data) * keep)])


def _reverse_ops(message: Message) -> None:
    block = _block(message)
    ops = list(block.operations)
    del block.operations[:]
    block.operations.extend(reversed(ops))


ABOVE = "../../../../../etc/passwd"

BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda path: (path / "Manifest.json").unlink(), "no Manifest.json"),
    "manifest is no JSON": (lambda path: (path / "Manifest.json").write_text("{"), "Manifest.json cannot be read"),
    "manifest is a list": (lambda path: (path / "Manifest.json").write_text("[]"), "not an object"),
    "manifest leaves the package": (_rename_root, "outside"),
    "no spec": (lambda path: (path / SPEC).unlink(), "which is not there"),
    "truncated spec": (lambda path: _truncate(path, SPEC, 0.9), "spec"),
    "empty spec": (lambda path: (path / SPEC).write_bytes(b""), "no model type"),
    "weights are a folder": (lambda path: _folder(path, WEIGHTS), "weight file cannot be read"),
    "no weight file": (lambda path: (path / WEIGHTS).unlink(), "weight file cannot be read"),
    "empty weight file": (lambda path: (path / WEIGHTS).write_bytes(b""), "weight file cannot be read"),
    "truncated weight file": (lambda path: _truncate(path, WEIGHTS, 0.5), "weight file is not what"),
    "corrupt weight file": (lambda path: (path / WEIGHTS).write_bytes(b"\xff" * 4096), "weight file version"),
    "offset outside the file": (lambda path: _edit_spec(path, lambda m: _set_offsets(m, 1 << 40)), "offset"),
    "offset between blobs": (lambda path: _edit_spec(path, lambda m: _set_offsets(m, 65)), "blob record"),
    "weights outside the package": (lambda path: _edit_spec(path, lambda m: _name_weights(m, ABOVE)), "outside"),
    "weights of no possible name": (lambda path: _edit_spec(path, lambda m: _name_weights(m, "a\0b")), "null byte"),
    "weights of too long a name": (lambda path: _edit_spec(path, lambda m: _name_weights(m, "a" * 5000)), "too long"),
    "manifest names no possible file": (lambda path: _rename_root(path, "a\0b"), "null byte"),
    "manifest names too long a file": (lambda path: _rename_root(path, "a" * 300), "too long"),
    "newer specification": (
        lambda path: _edit_spec(path, lambda m: setattr(m, "specificationVersion", 99)),
        "newer than this version",
    ),
    "ops out of order": (lambda path: _edit_spec(path, _reverse_ops), "before it is defined"),
    "a network without layers": (
        lambda path: _edit_spec(path, lambda m: m.neuralNetwork.SetInParent()),
        "has no layer that gives it",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_package_is_refused_with_its_place_and_a_next_step(copied: Path, name: str) -> None:
    breaks, text = BROKEN[name]
    breaks(copied)
    with pytest.raises(FormatError, match=text) as caught:
        read_program(copied)
    assert caught.value.where
    assert caught.value.next_step


@pytest.mark.parametrize("name", ["missing.mlpackage", "file.txt"])
def test_what_is_no_package_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("hello")
    with pytest.raises(MlparityError) as caught:
        read_program(tmp_path / name)
    assert name in str(caught.value)


def test_a_constant_in_the_spec_reads_as_its_type(package: Path) -> None:
    function = read_program(package).functions["main"]
    constants = {op.outputs[0].name: op.attributes["val"] for op in function.walk() if op.type == "const"}
    conv = next(op for op in function.walk() if op.type == "conv")
    names = {key: each.name for key, (each, *_) in conv.inputs.items() if key != "x" and isinstance(each, Name)}
    read = {key: constants[name].data for key, name in names.items()}
    assert read["pad_type"] == "custom"
    pad, groups, weight = (np.asarray(read[key]) for key in ("pad", "groups", "weight"))
    assert pad.tolist() == [1, 1, 1, 1]
    assert pad.dtype == np.int32
    assert groups.shape == ()
    assert weight.dtype == np.float16


def _moved(path: Path, part: str | Path) -> Path:
    place = path.parent / f"moved_{Path(part).name}"
    (path / part).rename(place)
    return place


SPECIAL: dict[str, tuple[Callable[[Path], object], str]] = {
    "manifest is a link outside": (lambda path: _link_out(path, "Manifest.json"), "outside of the model"),
    "spec is a link outside": (lambda path: _link_out(path, SPEC), "outside of the model"),
    "weights are a link outside": (lambda path: _link_out(path, WEIGHTS), "outside of the model"),
    "weights lie in a linked folder": (lambda path: _link_out(path, WEIGHTS.parent), "outside of the model"),
    "the data lie in a linked folder": (lambda path: _link_out(path, "Data"), "outside of the model"),
    "a folder is linked inside": (lambda path: (path / "more").symlink_to("Data"), "a link to a folder"),
    "a link leads nowhere": (lambda path: (path / "more").symlink_to("none"), "leads nowhere"),
    "links lead in a circle": (lambda path: (path / "more").symlink_to("more"), "leads nowhere"),
    "a file that nothing names is a link outside": (lambda path: (path / "more").symlink_to("/etc/passwd"), "outside"),
    "a file that nothing names is a device": (lambda path: (path / "more").symlink_to("/dev/zero"), "outside"),
    "manifest is a FIFO": (lambda path: _fifo(path, "Manifest.json"), "a FIFO"),
    "spec is a FIFO": (lambda path: _fifo(path, SPEC), "a FIFO"),
    "weights are a FIFO": (lambda path: _fifo(path, WEIGHTS), "a FIFO"),
    "manifest is a folder": (lambda path: _folder(path, "Manifest.json"), "a folder"),
    "spec is a folder": (lambda path: _folder(path, SPEC), "not there"),
    "manifest of gigabytes": (lambda path: os.truncate(path / "Manifest.json", 2**33), "8,589,934,592 bytes"),
    "spec of gigabytes": (lambda path: os.truncate(path / SPEC, 2**33), "8,589,934,592 bytes"),
}


def _link_out(path: Path, part: str | Path) -> None:
    (path / part).symlink_to(_moved(path, part))


def _fifo(path: Path, part: str | Path) -> None:
    (path / part).unlink()
    os.mkfifo(path / part)


def _folder(path: Path, part: str | Path) -> None:
    (path / part).unlink()
    (path / part).mkdir()


@pytest.mark.parametrize("name", SPECIAL)
def test_what_is_no_ordinary_file_of_the_package_is_refused(copied: Path, name: str) -> None:
    breaks, text = SPECIAL[name]
    breaks(copied)
    for read in (read_program, artifact_sha256):
        with pytest.raises(FormatError, match=text):
            read(copied)


def test_a_link_to_another_file_of_the_package_is_one(copied: Path) -> None:
    (copied / WEIGHTS).rename(copied / "weights.bin")
    (copied / WEIGHTS).symlink_to(os.path.relpath(copied / "weights.bin", (copied / WEIGHTS).parent))
    assert read_program(copied).weights


def test_weights_that_shrink_while_they_are_used_are_an_error(copied: Path) -> None:
    model = load_model(copied)
    features = {"x": np.zeros((1, 3, 16, 16), np.float32)}
    model.predict(features)
    os.truncate(copied / WEIGHTS, 64)
    with pytest.raises(FormatError, match="while it is used"):
        model.predict(features)
