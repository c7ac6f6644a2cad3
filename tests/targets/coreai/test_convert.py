from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import ConversionError, OutputError
from mlparity.core.words import Precision
from mlparity.sessions import torch as torch_backend
from mlparity.sessions.checked import run_checked
from mlparity.targets.coreai import convert as coreai
from mlparity.targets.coreai import session as runtime
from tests.loading import load_source
from tests.targets.litert.test_convert import IDS, Branches, Mobile, Rare, Recurrent, bert, normal
from tests.targets.networks import SAMPLE, Net

pytestmark = pytest.mark.skipif(not runtime.probe().ok, reason=runtime.probe().why)

needs_casting = pytest.mark.skipif(
    find_spec("coreai_opt") is None, reason=f"coreai-opt is not installed: {coreai.HOW_TO_GET}"
)

NETWORKS = [
    pytest.param(Mobile(), {"image": normal(1, 3, 32, 32)}, id="MobileNetV2-like"),
    pytest.param(Recurrent(), {"x": normal(1, 6, 8), "state": normal(2, 2, 1, 16)}, id="LSTM"),
    pytest.param(bert(), IDS, id="BertModel"),
]

HALF = coreai.CoreaiOptions(Precision.FP16)


def differences(
    module: nn.Module, sample: Mapping[str, np.ndarray], path: Path, options: coreai.CoreaiOptions | None = None
) -> dict[str, float]:
    """Convert, run, and return each output's largest difference from the source, of the output's scale."""
    source = load_source(module.eval(), sample)
    made = coreai.convert(source, sample, path, options)
    with torch_backend.open(source) as reference, runtime.open(made.path) as session:
        expected, found = run_checked(reference, sample), run_checked(session, sample)
        assert [spec.name for spec in session.signature.inputs] == list(source.input_names)
    assert list(found) == list(source.output_names)
    return {name: float(np.abs(each - found[name]).max() / np.abs(each).max()) for name, each in expected.items()}


@pytest.mark.parametrize(("module", "sample"), NETWORKS)
def test_a_converted_network_agrees_with_its_source(
    module: nn.Module, sample: Mapping[str, np.ndarray], tmp_path: Path
) -> None:
    assert max(differences(module, sample, tmp_path / "net.aimodel").values()) <= 2e-6


@needs_casting
@pytest.mark.parametrize(("module", "sample"), NETWORKS)
def test_fp16_differs_by_what_fp16_rounds(module: nn.Module, sample: Mapping[str, np.ndarray], tmp_path: Path) -> None:
    worst = max(differences(module, sample, tmp_path / "net.aimodel", HALF).values())
    assert 2e-6 < worst < 5e-3


def test_torchscript_with_a_convolution_converts(tmp_path: Path) -> None:
    sample = {"image": normal(1, 3, 32, 32)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript as such
        torch.jit.trace(Mobile().eval(), (torch.tensor(sample["image"]),)).save(tmp_path / "net.pt")
    source = load_source(str(tmp_path / "net.pt"), sample)
    made = coreai.convert(source, sample, tmp_path / "net.aimodel")
    with torch_backend.open(source) as reference, runtime.open(made.path) as session:
        expected, found = run_checked(reference, sample), run_checked(session, sample)
    np.testing.assert_allclose(found["output"], expected["output"], atol=1e-6)


def test_a_conversion_tells_how_it_was_made_replaces_the_last_and_names_no_path_of_the_user(tmp_path: Path) -> None:
    source = load_source(Net().eval(), SAMPLE)
    for _ in range(2):
        made = coreai.convert(source, SAMPLE, tmp_path / "net.aimodel")
    assert (made.frontend, made.options["precision"]) == ("export", "fp32")
    assert made.seconds > 0
    assert [file.name for file in tmp_path.iterdir()] == ["net.aimodel"]
    content = b"".join(file.read_bytes() for file in made.path.iterdir())
    assert str(Path(__file__).parent).encode() not in content


QUIET = """
import os, sys
from pathlib import Path
from mlparity.targets.coreai import session as runtime
from mlparity.targets.coreai import convert as coreai
from mlparity.core.words import Precision
from tests.loading import load_source
from tests.targets.networks import SAMPLE, Net
precision = Precision(sys.argv[2])
made = coreai.convert(load_source(Net().eval(), SAMPLE), SAMPLE, Path(sys.argv[1]), coreai.CoreaiOptions(precision))
runtime.open(made.path).close()
os.write(2, b"still open")
"""


@pytest.mark.parametrize("precision", ["fp32", pytest.param("fp16", marks=needs_casting)])
def test_the_chatter_of_import_conversion_and_loading_stays_off_the_terminal(precision: str, tmp_path: Path) -> None:
    # A process of its own: packages speak when they are imported first, and here they have been.
    command = [sys.executable, "-c", QUIET, str(tmp_path / "net.aimodel"), precision]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert (done.stdout, done.stderr) == ("", "still open")


class Counting(nn.Module):
    runs: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("runs", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        return x + self.runs


@pytest.mark.parametrize(
    ("module", "what", "step"),
    [
        (Branches(), "converter stopped", "replace the branch"),
        (Rare(), "at aten.special_bessel_j0.default", "rewrite the op"),
        (Counting(), "changes its buffers runs", "return it as an output"),
    ],
)
def test_a_failure_names_the_op_and_what_to_try(module: nn.Module, what: str, step: str, tmp_path: Path) -> None:
    sample = {"x": normal(2, 3)}
    with pytest.raises(ConversionError, match=what) as caught:
        coreai.convert(load_source(module.eval(), sample), sample, tmp_path / "net.aimodel")
    assert step in caught.value.next_step
    assert list(tmp_path.iterdir()) == []


class Turns(nn.Module):
    table: Tensor

    def __init__(self, used: bool) -> None:
        super().__init__()
        self.used = used
        self.register_buffer("table", torch.polar(torch.ones(4), torch.arange(4.0)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.view_as_real(torch.view_as_complex(x) * self.table) if self.used else x * 2


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("precision", [Precision.FP32, pytest.param(Precision.FP16, marks=needs_casting)])
def test_a_complex_constant_is_refused_and_does_not_end_the_process(
    used: bool, precision: Precision, tmp_path: Path
) -> None:
    sample = {"x": normal(4, 2)}
    with pytest.raises(ConversionError, match="Core AI") as caught:
        coreai.convert(
            load_source(Turns(used).eval(), sample), sample, tmp_path / "m.aimodel", coreai.CoreaiOptions(precision)
        )
    assert "complex" in caught.value.found


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        coreai.convert(load_source(Net().eval(), SAMPLE), SAMPLE, tmp_path / "no" / "folder.aimodel")


class Dead(nn.Module):
    """A convolution whose first channel never varied in training, as MobileNetV2 has them, and its norm."""

    def __init__(self, variance: float) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(2)
        self.convolution.weight.data = torch.tensor([1.0, 0.5]).reshape(2, 1, 1, 1)
        self.norm.running_var = torch.tensor([variance, 1.0])
        self.norm.bias.data = torch.tensor([0.5, 0.25])

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.convolution(x))


@needs_casting
@pytest.mark.parametrize("variance", [0.0, 4.2e-13, 1e-5, 1e-4, 1e-3])
def test_a_norm_of_a_small_variance_keeps_its_channel_in_fp16(variance: float, tmp_path: Path) -> None:
    sample = {"x": np.full((1, 1, 2, 2), 0.25, np.float32)}
    assert max(differences(Dead(variance), sample, tmp_path / "net.aimodel", HALF).values()) <= 2**-10


@needs_casting
@pytest.mark.parametrize(("variance", "factor"), [(4.2e-13, np.inf), (1e-4, 100.0)])
def test_core_ai_itself_folds_such_a_norm_in_fp16_and_takes_subnormals_for_zero(
    variance: float, factor: float, tmp_path: Path
) -> None:
    """Why the norms are folded before: 1/sqrt(variance + epsilon) has lost the epsilon of 1e-5, and a small variance.

    When this fails Core AI has mended it, and `fold_norms` may go.
    """
    sample = {"x": np.full((1, 1, 2, 2), 0.25, np.float32)}
    unfolded = coreai.CoreaiOptions(Precision.FP16, fold_norms=False)
    made = coreai.convert(load_source(Dead(variance).eval(), sample), sample, tmp_path / "net.aimodel", unfolded)
    with runtime.open(made.path) as session:
        channel = run_checked(session, sample)["output"][0, 0]
    if np.isinf(factor):
        assert np.isnan(channel).all()
    else:
        np.testing.assert_array_equal(channel, 0.25 * factor + 0.5)


class Total(nn.Module):
    """Adds up its inputs in a matrix product."""

    def __init__(self) -> None:
        super().__init__()
        self.sum = nn.Linear(4096, 1)
        self.sum.weight.data.fill_(1)
        self.sum.bias.data.fill_(0)

    def forward(self, x: Tensor) -> Tensor:
        return self.sum(x)


@needs_casting
def test_an_op_kept_in_fp32_adds_up_in_fp32(tmp_path: Path) -> None:
    sample = {"x": np.ones((1, 4096), np.float32)}
    kept = coreai.CoreaiOptions(Precision.FP16, fp32_ops=("aten.addmm",))
    assert differences(Total(), sample, tmp_path / "kept.aimodel", kept) == {"output": 0.0}
    # In fp16 the runtime adds one after the other, and 2048 + 1 is 2048. If this fails, it has become better.
    assert differences(Total(), sample, tmp_path / "all.aimodel", HALF) == {"output": 0.5}


@needs_casting
def test_an_op_to_keep_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    options = coreai.CoreaiOptions(Precision.FP16, fp32_ops=("aten.conv2d",))
    sample = {"x": normal(1, 4096)}
    with pytest.raises(ConversionError, match=r"no op aten\.conv2d[\s\S]*aten\.addmm"):
        coreai.convert(load_source(Total().eval(), sample), sample, tmp_path / "net.aimodel", options)


@needs_casting
def test_mobilenet_s_weights_give_numbers_in_fp16_and_its_photos_keep_their_classes(tmp_path: Path) -> None:
    from tests.models import samples, zoo

    photos = list(samples.photos())
    source = load_source(zoo.mobilenet_v2(), photos[0])
    made = coreai.convert(source, photos[0], tmp_path / "net.aimodel", HALF)
    with runtime.open(made.path) as session:
        logits = [run_checked(session, photo)["logits"] for photo in photos]
    assert all(np.isfinite(each).all() for each in logits)
    assert [int(each.argmax()) for each in logits] == list(samples.PHOTOS.values())
