"""`compare` of saved outputs gives the rows and the verdict that `verify` gives, and reads one sample at a time."""

from __future__ import annotations

import gc
import io
import json
import tracemalloc
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import nn
from typer.testing import CliRunner

from mlparity import api
from mlparity.api import Making, compare_files
from mlparity.cli.app import app
from mlparity.core.errors import InputError, OutputError
from mlparity.core.words import ComputeUnit, Verdict
from mlparity.record.comparison import Comparison
from mlparity.record.outputs import writing_outputs
from mlparity.record.record import Record
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions

COUNT = 12


class Net(nn.Module):
    """Class scores, an embedding and a mask; `shift` changes some of each."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.scores, self.embedding, self.mask = nn.Linear(6, 4), nn.Linear(6, 5), nn.Linear(6, 18)
        with torch.no_grad():
            for each in (self.scores, self.embedding, self.mask):
                each.weight += shift * torch.randn_like(each.weight)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {
            "logits": self.scores(x),
            "embedding": self.embedding(x),
            "mask": self.mask(x).reshape(1, 2, 3, 3),
        }


def samples() -> Iterator[dict[str, np.ndarray]]:
    for number in range(COUNT):
        yield {"x": np.random.default_rng(number).standard_normal((1, 6)).astype(np.float32)}


POLICY = """
noise_factor = 0
[limits.max_abs]
at_most = 10
[outputs.logits]
task = "classes"
limits.flips.at_most = {flips}
limits.flip_rate.at_most = 0.9
[outputs.embedding]
task = "retrieval"
k = 3
limits.neighbour_agreement.at_least = 0.1
[outputs.mask]
task = "mask"
axis = 1
limits.mask_iou.at_least = 0.2
[metrics.moved]
function = "{folder}/task.py:moved"
worst.at_most = {worst}
"""
METRIC = """
from pathlib import Path

def moved(source, artifact):
    assert sorted(source) == sorted(artifact) == ["embedding", "logits", "mask"]
    with open("{calls}", "a") as file:
        file.write("x")
    return float(abs(source["logits"] - artifact["logits"]).max())
"""


def run_source(path: Path, net: nn.Module, names: Mapping[int, str] | None = None) -> Path:
    with writing_outputs(path) as writer:
        for number, sample in enumerate(samples()):
            with torch.no_grad():
                outputs = net(torch.from_numpy(sample["x"]))
            name = f"sample {number}" if names is None else names[number]
            writer.add(name, {key: value.numpy() for key, value in outputs.items()})
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two packages, the outputs of both and of the source, and a policy with every kind of limit."""
    folder = tmp_path_factory.mktemp("compared")
    (folder / "task.py").write_text(METRIC.replace("{calls}", str(folder / "calls")))
    (folder / "loose.toml").write_text(POLICY.format(flips=12, worst=9, folder=folder))
    (folder / "strict.toml").write_text(POLICY.format(flips=0, worst=9, folder=folder))
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]))
    inputs = f"{__file__}:samples"
    for name, shift in (("right", 0.0), ("wrong", 0.4)):
        api.verify(Net(shift).eval(), folder / name, inputs, "task", options)
        (folder / name / "Net_fp32.mlpackage").rename(folder / f"{name}.mlpackage")
        api.run_artifact(folder / f"{name}.mlpackage", inputs, folder / f"{name}.npz", unit=ComputeUnit.CPU_ONLY)
    run_source(folder / "source.npz", Net().eval())
    return folder


def verified(made: Path, out: Path, policy: str) -> Record:
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]), artifacts=(made / "wrong.mlpackage",))
    return api.verify(Net().eval(), out, f"{__file__}:samples", str(made / policy), options)


def compared(first: Path, second: Path, policy: object = "consistency", **making: object) -> Comparison:
    return compare_files(first, second, str(policy), Making(**making))  # type: ignore[arg-type]


@pytest.mark.parametrize(("policy", "verdict"), [("loose.toml", Verdict.PASS), ("strict.toml", Verdict.FAIL)])
def test_the_rows_and_the_verdict_are_those_of_verify(
    made: Path, tmp_path: Path, policy: str, verdict: Verdict
) -> None:
    (row,) = verified(made, tmp_path / "out", policy).settings
    (made / "calls").unlink()
    found = compared(made / "source.npz", made / "wrong.npz", made / policy)
    assert len((made / "calls").read_text()) == COUNT, "the metric is called once a sample"
    assert found.outputs == row.outputs
    assert found.task_figures == row.task_figures
    assert (found.verdict, found.reasons) == (row.verdict, row.reasons)
    assert row.verdict is verdict
    assert [output.output for output in found.outputs] == ["logits", "embedding", "mask"]
    assert found.outputs[0].flips is not None
    assert 1 < found.outputs[0].flips.flipped < found.outputs[0].flips.samples == COUNT


def test_two_packages_on_inputs_are_compared_as_their_saved_outputs(made: Path) -> None:
    making = {"inputs": f"{__file__}:samples", "unit": ComputeUnit.CPU_ONLY}
    found = compared(made / "right.mlpackage", made / "wrong.mlpackage", made / "loose.toml", **making)
    saved = compared(made / "right.npz", made / "wrong.npz", made / "loose.toml")
    assert (found.verdict, found.reasons, found.outputs) == (saved.verdict, saved.reasons, saved.outputs)
    assert found.outputs[0].flips is not None
    assert found.outputs[0].flips.samples == COUNT


def test_the_command_shows_outputs_tasks_and_the_user_s_metrics(made: Path) -> None:
    command = ["compare", str(made / "source.npz"), str(made / "wrong.npz"), "--policy", str(made / "strict.toml")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    for text in ("logits", "/12", "mask: mask IoU 0.", "embedding: ", "moved: mean ", "logits: flips "):
        assert text in result.output


def test_a_sample_or_an_output_of_one_side_alone_is_no_pass(made: Path, tmp_path: Path) -> None:
    with writing_outputs(tmp_path / "few.npz") as writer:
        writer.add("sample 3", {"y": np.ones(2)})
    with writing_outputs(tmp_path / "many.npz") as writer:
        for number in range(9):
            writer.add(f"sample {number}", {"y": np.ones(2)})
    for first, second in (("few.npz", "many.npz"), ("many.npz", "few.npz")):
        judgement = compared(tmp_path / first, tmp_path / second)
        assert judgement.verdict is Verdict.UNKNOWN
        assert judgement.reasons[0].startswith("8 of 9 samples of many.npz have no outputs on the other side: sample 0")
        assert judgement.reasons[0].endswith("and 3 more")
    np.savez(tmp_path / "one.npz", y=np.ones(2))
    np.savez(tmp_path / "two.npz", y=np.ones(2), z=np.ones(3))
    # What the reference has, the other must have; nothing says what another output should be.
    for first, second, verdict in (("one.npz", "two.npz", Verdict.UNKNOWN), ("two.npz", "one.npz", Verdict.FAIL)):
        judgement = compared(tmp_path / first, tmp_path / second)
        assert judgement.verdict is verdict
        assert judgement.reasons[0].startswith("z: ")


def test_keys_without_a_sample_are_one_sample(made: Path, tmp_path: Path) -> None:
    with writing_outputs(tmp_path / "run.npz") as writer:
        writer.add("cat.png", {"model/probs": np.array([0.1, 0.9]), "box": np.ones(4)})
    saved = {"model/probs": np.array([0.1, 0.9]), "box": np.ones(4)}
    np.savez(tmp_path / "device.npz", **saved)  # type: ignore[arg-type]
    found = compared(tmp_path / "run.npz", tmp_path / "device.npz")
    assert found.verdict is Verdict.PASS
    assert [output.output for output in found.outputs] == ["model/probs", "box"]
    save_file({"cat.png/model%2Fprobs": np.array([0.1, 0.9]), "cat.png/box": np.ones(4)}, tmp_path / "same.safetensors")
    same = compared(tmp_path / "same.safetensors", tmp_path / "run.npz")
    assert (same.verdict, same.reasons, same.outputs) == (found.verdict, found.reasons, found.outputs[::-1])
    np.save(tmp_path / "lone.npy", np.ones(4))
    assert compared(tmp_path / "lone.npy", tmp_path / "lone.npy").outputs[0].output == "output"


def test_slashes_in_names_stay_in_them(tmp_path: Path) -> None:
    samples_, outputs = ["a/b", "a", "a%2Fb"], ["deep/y", "deep%2Fy", "deep%252Fy", "y", "50%"]
    with writing_outputs(tmp_path / "a.npz") as writer:
        for name in samples_:
            writer.add(name, {output: np.ones(1) for output in outputs})
    found = compared(tmp_path / "a.npz", tmp_path / "a.npz")
    assert found.verdict is Verdict.PASS
    assert [output.output for output in found.outputs] == outputs
    assert [worst.sample for worst in found.outputs[0].worst] == samples_


def test_values_keep_the_type_that_was_saved(tmp_path: Path) -> None:
    """In fp32 both would be the same infinity, or the same number."""
    for name, large, fine in (("a", 1e300, 1.0), ("b", 2e300, 1.0 + 1e-9)):
        np.savez(tmp_path / f"{name}.npz", large=np.array([large]), fine=np.array([fine]))
    found = compared(tmp_path / "a.npz", tmp_path / "b.npz", "task")
    assert found.verdict is Verdict.FAIL
    assert found.outputs[1].figures["max_abs"] == pytest.approx(1e-9)


def test_no_array_of_a_file_is_passed_over(tmp_path: Path) -> None:
    """The second of two arrays of one name agrees, the first not; nor does one without the usual ending."""
    for name, values in (("a.npz", (1.0, 1.0)), ("b.npz", (9.0, 1.0))):
        with zipfile.ZipFile(tmp_path / name, "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the archive's second member
            for value in values:
                archive.writestr("s/y.npy", _stored(value))
    with pytest.raises(InputError, match="2 arrays have one name"):
        compared(tmp_path / "a.npz", tmp_path / "b.npz")
    for name, value in (("c.npz", 1.0), ("d.npz", 9.0)):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("s/y.npy", _stored(1.0))
            archive.writestr("s/z", _stored(value))
    assert compared(tmp_path / "c.npz", tmp_path / "d.npz").verdict is Verdict.FAIL
    with zipfile.ZipFile(tmp_path / "c.npz", "a") as archive:
        archive.writestr("s/text", "no array")
    with pytest.raises(InputError, match="cannot be read"):
        compared(tmp_path / "c.npz", tmp_path / "c.npz")


def _stored(value: float) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([value]))
    return stream.getvalue()


def test_numbers_that_are_not_real_are_not_compared(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.array([1 + 2j]), z=np.ones(1))
    np.savez(tmp_path / "b.npz", y=np.array([1 + 9j]), z=np.ones(1))
    judgement = compared(tmp_path / "a.npz", tmp_path / "b.npz")
    assert judgement.verdict is Verdict.UNKNOWN
    assert "complex128 holds no real numbers" in judgement.reasons[0]


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"no archive"])
@pytest.mark.parametrize("name", ["x.npz", "x.npy", "x.safetensors"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="an array file"):
        compared(tmp_path / name, tmp_path / name)


def test_memory_does_not_grow_with_the_samples(tmp_path: Path) -> None:
    """A sample more costs its name and its place in the archive's index, and none of its 40 KB."""
    peaks = []
    for count in (50, 400):
        path = tmp_path / f"{count}.npz"
        with writing_outputs(path) as writer:
            for number in range(count):
                writer.add(f"sample {number}", {"y": np.full((100, 100), number, np.float32)})
        gc.collect()
        tracemalloc.start()
        compared(path, path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 350 * 4_000


def test_a_comparison_is_written_in_each_form(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    paths = str(made / "source.npz"), str(made / "wrong.npz")
    for _ in range(2):  # its own results are replaced
        command = ["compare", *paths, "--policy", str(made / "strict.toml"), "--out", str(out)]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 1
        assert "Verdict: fail" in done.output
        assert f"report: {out / 'report.html'}" in done.output
    assert {path.name for path in out.iterdir()} == {"comparison.json", "report.html", "report.md", "junit.xml"}
    found = json.loads((out / "comparison.json").read_text())
    assert (found["verdict"], found["samples"], found["reference"]) == ("fail", COUNT, "source.npz")
    assert [output["output"] for output in found["outputs"]] == ["logits", "embedding", "mask"]
    assert ElementTree.parse(out / "junit.xml").getroot().get("failures") == "1"
    for name in ("report.html", "report.md"):
        text = (out / name).read_text()
        assert "wrong.npz" in text
        assert f"3 outputs on {COUNT} samples" in text


def test_a_folder_of_somebody_else_is_left_alone(made: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    paths = made / "source.npz", made / "wrong.npz"
    with pytest.raises(OutputError, match="holds something else"):
        compare_files(*paths, "consistency", Making(), out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
