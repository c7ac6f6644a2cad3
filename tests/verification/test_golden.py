"""The XCTest beside a record: golden data as the Swift file reads them; `--device-outputs` reads what it saves."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mlparity import api
from mlparity.core.words import Provenance
from mlparity.targets.coreml.xctest import XCTEST
from mlparity.targets.table import settings_from
from mlparity.verification.golden import XCTEST_FOLDER
from mlparity.verification.options import VerifyOptions

X = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
SETTING = settings_from(["fp32/CPU_ONLY"])


class Net(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x) * 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    np.savez(folder / "x.npz", x=X)
    options = VerifyOptions(settings=SETTING, xctest=True)
    record = api.verify(Net().eval(), folder / "out", str(folder / "x.npz"), "consistency", options)
    assert not [note for note in record.source.notes if "XCTest" in note]
    return folder


def golden(folder: Path) -> tuple[dict, bytes]:
    where = folder / "out" / XCTEST_FOLDER
    return json.loads((where / "golden.json").read_text()), (where / "golden.bin").read_bytes()


def values(data: bytes, array: dict) -> np.ndarray:
    """Numbers of golden.bin, as the Swift file reads them."""
    numbers = struct.unpack_from(f"<{array['count']}d", data, array["offset"])
    return np.array(numbers).reshape(array["shape"])


def test_golden_data_are_the_samples_and_the_sources_outputs(made: Path) -> None:
    manifest, data = golden(made)
    (sample,) = manifest["samples"]
    (given,), (wanted,) = sample["inputs"], sample["outputs"]
    assert np.array_equal(values(data, given), X)
    assert np.allclose(values(data, wanted), np.tanh(X) * 3, atol=1e-6)
    assert 0 < wanted["limit"] < 0.01


def npy(body: bytes, kind: str, shape: list[int]) -> bytes:
    """The Swift file's own steps, in Python."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({' '.join(f'{axis},' for axis in shape)}), }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + body


def zipped(files: dict[str, bytes]) -> bytes:
    archive, directory = b"", b""
    for name, data in files.items():
        start, size = len(archive), len(data)
        common = struct.pack("<HHHHHIIIHH", 20, 0x800, 0, 0, 33, zlib.crc32(data), size, size, len(name.encode()), 0)
        archive += struct.pack("<I", 0x04034B50) + common + name.encode() + data
        directory += struct.pack("<IH", 0x02014B50, 20) + common + bytes(10) + struct.pack("<I", start) + name.encode()
    end = struct.pack("<IIHHII", 0x06054B50, 0, len(files), len(files), len(directory), len(archive))
    return archive + directory + end + bytes(2)


def saved(folder: Path, shift: float) -> Path:
    manifest, data = golden(folder)
    files = {}
    for sample in manifest["samples"]:
        for output in sample["outputs"]:
            body = (values(data, output) + shift).astype("<f8").tobytes()
            files[f"{output['key']}.npy"] = npy(body, "<f8", output["shape"])
    header = {"artifact_sha256": manifest["artifactSHA256"], "setting": manifest["setting"], "provenance": "measured"}
    header |= {"runtime": "Core ML", "platform": "Version 26.1", "samples_sha256": manifest["samplesSHA256"]}
    header |= {"created": "2026-01-01T00:00:00Z", "mlparity_version": manifest["mlparityVersion"]}
    header |= {"seconds": [0.01] * len(manifest["samples"]), "version": 1}
    text = json.dumps(header).encode()
    files["mlparity.json.npy"] = npy(text, "|u1", [len(text)])
    path = folder / f"device{shift}.npz"
    path.write_bytes(zipped(files))
    return path


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "pass"), (0.5, "fail")])
def test_what_the_test_saves_is_read_as_a_devices(made: Path, shift: float, verdict: str) -> None:
    package = made / "out" / "Net_fp32.mlpackage"
    options = VerifyOptions(settings=SETTING, artifacts=(package,), device_outputs=(saved(made, shift),))
    record = api.verify(Net().eval(), made / f"again{shift}", str(made / "x.npz"), "consistency", options)
    (measured,) = [row for row in record.settings if row.provenance is Provenance.MEASURED]
    assert measured.verdict == verdict
    assert measured.outputs[0].figures["max_abs"] == pytest.approx(shift, abs=1e-6)


def test_swift_and_python_write_the_same_constants() -> None:
    """The steps above are those of the Swift file as long as their numbers are."""
    assert {int(each.replace("_", ""), 16) for each in re.findall(r"UInt32\(0x([0-9a-f_]+)\)", XCTEST)} == {
        *(0x04034B50, 0x02014B50, 0x06054B50)
    }
    for words in ('"mlparity.json.npy"', '"<f8"', '"|u1"', "63 - (text.utf8.count + 10) % 64", "0xedb8_8320"):
        assert words in XCTEST
    keys = set(re.findall(r'"([a-z0-9_]+)": ', XCTEST))
    assert keys == {
        *("artifact_sha256", "setting", "provenance", "runtime", "platform", "samples_sha256", "created"),
        *("mlparity_version", "seconds", "version"),
    }


def test_the_swift_file_parses() -> None:
    """By a grammar of Swift: there is no compiler for it in Debian."""
    swift = pytest.importorskip("tree_sitter_swift", reason="tree-sitter-swift is not installed")
    tree_sitter = pytest.importorskip("tree_sitter")
    tree = tree_sitter.Parser(tree_sitter.Language(swift.language())).parse(XCTEST.encode())
    assert not tree.root_node.has_error
