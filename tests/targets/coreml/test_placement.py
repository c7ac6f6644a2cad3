"""Where each op of a package runs, and which rule moves it: as Python and the command line show it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mlparity import api
from mlparity.cli.app import app
from mlparity.core.errors import InputError
from tests.evidence.packages import write


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution that stays, a dilated one, a small op behind it, and attention's softmax."""
    weight = np.zeros((512, 512, 7), np.float16)

    def build(mb: Any, x: object) -> object:
        wide = mb.conv(x=mb.conv(x=x, weight=weight), weight=weight, dilations=[5])
        few = mb.slice_by_size(x=wide, begin=[0, 0, 0], size=[1, 8, 510])
        return mb.softmax(x=mb.sin(x=few), axis=-1)

    return write(tmp_path_factory.mktemp("placement"), build, [(1, 512, 4096)], "fp16")


def test_each_op_names_the_rule_that_moves_it(package: Path) -> None:
    found = api.inspect_placement(package, "M2")
    assert [op.op for op in found] == ["conv", "conv", "slice_by_size", "sin", "softmax"]
    assert [op.rule for op in found] == ["", "dilation", "neighbours", "op table", "neighbours"]
    assert [op.on_engine for op in found] == [True, False, False, False, False]
    assert [op.eligible for op in found] == [True, True, True, False, True]
    assert all(op.reason and op.evidence for op in found if op.rule)
    (hazards,) = [op.hazards for op in found if op.hazards]
    assert "510 to 512" in hazards[0]
    assert "one report" in hazards[0]


def test_the_system_is_asked_for(package: Path) -> None:
    assert not any(
        "510 to 512" in hazard for op in api.inspect_placement(package, "M2", macos=26) for hazard in op.hazards
    )
    with pytest.raises(InputError, match="M99"):
        api.inspect_placement(package, "M99")


def test_the_command_line_shows_it(package: Path) -> None:
    shown = CliRunner().invoke(app, ["inspect", str(package), "--placement", "--chip", "M2", "--macos", "27"])
    assert shown.exit_code == 0
    text = " ".join(shown.output.split())
    assert "(M2, macOS 27) can take 4 of 5 ops; by the rules 1 run there" in text
    assert "dilation: moves 1" in text
    assert "neighbours: moves 2" in text
    assert "hazard at" in text
