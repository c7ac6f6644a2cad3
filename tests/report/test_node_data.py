"""Node data: valid for Model Explorer's own types, one file for each graph and kind, and no number that JSON lacks."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from mlparity.record.op_errors import GraphErrors, NodeError
from mlparity.record.text import record_from, text_of
from mlparity.report.node_data import NODE_DATA, node_data_files, write_node_data
from tests.record.example import example_record

NODES = (NodeError("conv;1", "aten.conv2d", 1e-7, 2e-7), NodeError("exp;2", "aten.exp", math.inf, math.inf))
RECORD = replace(
    example_record(),
    graph_errors=(
        GraphErrors("net.tflite", "net.tflite", "photo", 3, NODES),
        GraphErrors("net.pt2", "net.mlpackage", "photo", 2, NODES),
    ),
)


def test_there_is_a_file_for_each_graph_artifact_and_kind(tmp_path: Path) -> None:
    written = {path.name for path in write_node_data(RECORD, tmp_path)}
    assert written == {path.name for path in (tmp_path / NODE_DATA).iterdir()}
    assert written == {
        f"{stem}.{kind}.json"
        for stem in ("net.tflite", "net.pt2.net.mlpackage")
        for kind in ("local_error", "accumulated_error")
    }
    assert write_node_data(example_record(), tmp_path / "none") == ()


def test_values_are_those_of_the_record_and_how_many_is_said() -> None:
    data = json.loads(node_data_files(RECORD)["net.tflite.accumulated_error.json"])
    assert data["results"]["conv;1"] == {"value": 2e-7}
    assert data["results"]["exp;2"]["value"] == max(each["value"] for each in data["thresholds"])
    assert data["name"] == "accumulated error of net.tflite, 2 of 3 values"


def test_a_record_keeps_them() -> None:
    assert record_from(text_of(RECORD).encode(), "record.json").graph_errors == RECORD.graph_errors


def test_model_explorer_takes_them() -> None:
    builder = pytest.importorskip("model_explorer.node_data_builder", reason="ai-edge-model-explorer is not installed")
    dacite = pytest.importorskip("dacite")
    for text in node_data_files(RECORD).values():
        data = dacite.from_dict(builder.GraphNodeData, json.loads(text), dacite.Config(strict=True))
        assert set(data.results) == {"conv;1", "exp;2"}
        assert [each.bgColor for each in data.thresholds]
