"""A length that is fixed in an artifact which takes any: both sides are run at other lengths."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mlparity.core.source import Source
from mlparity.record.causes import Cause, CauseKind
from mlparity.targets.target import EngineSession
from mlparity.verification.explain_package import open_reference, plans_of
from mlparity.verification.fixed_lengths import fixed_length
from tests.faults.artifacts import flexible
from tests.faults.branching import Counted, lengths
from tests.faults.fault import line_of
from tests.loading import load_source

pytestmark = pytest.mark.filterwarnings(
    "ignore:`torch.jit:DeprecationWarning", "ignore:Using len:torch.jit.TracerWarning"
)


class Summed(nn.Module):
    """Any length is as good as any other."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x).sum(0, keepdim=True)


class Negated(nn.Module):
    """What an artifact computes that agrees at no length."""

    def forward(self, x: Tensor) -> Tensor:
        return -torch.tanh(x).sum(0, keepdim=True)


@contextmanager
def artifact_of(module: nn.Module, path: Path) -> Iterator[EngineSession]:
    flexible(3, 8)(module.eval(), lengths()[0], path)
    with closing(open_reference(path, ("x",))) as session:
        yield session


def found(source: Source, made: nn.Module, path: Path) -> Cause | None:
    with artifact_of(made, path) as session:
        return fixed_length(plans_of(path).exact, session, source, lengths()[0])


def test_the_length_at_which_both_agree_is_told_with_the_line_that_goes_by_it(tmp_path: Path) -> None:
    module = Counted().eval()
    cause = found(load_source(module, lengths()[0]), module, tmp_path / "counted.mlpackage")
    assert cause is not None
    assert cause.kind is CauseKind.BRANCH
    [evidence] = cause.evidence
    assert (evidence.figures["own"], evidence.figures["agreed"], evidence.names["input"]) == (5, 3, "x")
    assert line_of(Counted.forward, "len(x)") in evidence.names["where"]


@pytest.mark.parametrize("made", [Summed, Negated])
def test_no_length_is_fixed_where_all_agree_or_none(made: type[nn.Module], tmp_path: Path) -> None:
    source = load_source(Summed().eval(), lengths()[0])
    assert found(source, made(), tmp_path / "summed.mlpackage") is None
