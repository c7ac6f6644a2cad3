"""Errors op by op of real artifacts: on a .tflite file's own graph, and on the graph of an exported program."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import mlparity
from mlparity.report.node_data import NODE_DATA
from mlparity.targets.litert import session as litert
from mlparity.targets.table import settings_from


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.last(torch.nn.functional.gelu(self.first(x)).mean((2, 3))), -1)


@pytest.mark.skipif(not litert.probe().ok, reason=litert.probe().why)
def test_each_graph_gets_the_errors_of_its_nodes(tmp_path: Path) -> None:
    torch.manual_seed(3)
    program = torch.export.export(Net().eval(), (torch.randn(1, 3, 16, 16),))
    torch.export.save(program, tmp_path / "net.pt2")
    record = mlparity.verify(
        str(tmp_path / "net.pt2"),
        tmp_path / "out",
        None,
        "consistency",
        mlparity.VerifyOptions(
            settings=settings_from(("fp16/CPU_ONLY", "litert/fp32")),
            shapes=("x:1,3,16,16",),
            limit=1,
            model_explorer=True,
        ),
    )
    found = {(each.graph, each.artifact): each for each in record.graph_errors}
    half, single = found["net.pt2", "net_fp16.mlpackage"], found["net.pt2", "net_fp32.tflite"]
    nodes = {node.name for node in program.graph.nodes}
    for errors, largest in ((half, 2e-3), (single, 1e-6)):
        assert {"conv2d", "gelu", "mean", "linear", "softmax"} == {node.node for node in errors.nodes} & nodes
        assert all(0 < node.local < largest for node in errors.nodes)
        assert all(node.accumulated < 3 * largest for node in errors.nodes)
    assert min(node.local for node in half.nodes) > max(node.local for node in single.nodes)
    own = found["net_fp32.tflite", "net_fp32.tflite"]
    text = (tmp_path / "out" / "net_fp32.tflite").read_bytes()
    assert all(node.node.encode() in text for node in own.nodes), "the names are those of the file's tensors"
    assert len(list((tmp_path / "out" / NODE_DATA).iterdir())) == 2 * len(found)
