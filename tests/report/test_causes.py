"""The sentences of causes: every observation has one, and it is written from what the record holds."""

from __future__ import annotations

from dataclasses import replace
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.record.record import Unfinished
from mlparity.report.causes import _SENTENCES, cause_sentence, cause_text, other_causes
from tests.record.example import example_record

RECORD = example_record()


@pytest.mark.parametrize("observation", Observation)
def test_each_observation_has_a_sentence(observation: Observation) -> None:
    text = cause_text(Cause(CauseKind.UNKNOWN, (Evidence(observation),)))
    assert text.endswith(".")
    assert "{" not in text


@pytest.mark.parametrize("observation", Observation)
def test_each_field_of_a_sentence_is_written(observation: Observation) -> None:
    fields = [name for _, name, how, _ in Formatter().parse(_SENTENCES[observation]) if name and not how]
    evidence = Evidence(observation, names={name: f"<{name}>" for name in fields})
    text = cause_text(Cause(CauseKind.UNKNOWN, (evidence,)))
    assert all(f"<{name}>" in text for name in fields)


@given(
    st.sampled_from(Observation),
    st.dictionaries(st.text(max_size=9), st.floats()),
    st.dictionaries(st.text(max_size=9), st.text()),
    st.dictionaries(st.text(max_size=9), st.tuples(st.text())),
)
def test_a_record_of_another_hand_is_still_written(
    observation: Observation, figures: dict[str, float], names: dict[str, str], settings: dict[str, tuple[str]]
) -> None:
    assert cause_text(Cause(CauseKind.UNKNOWN, (Evidence(observation, figures, names, settings),)), RECORD.settings)


def test_figures_are_written_as_what_they_are() -> None:
    figures = {"difference": 0.0017, "removed": 0.523, "peak": 70000.0, "lost": 1280.0}
    overflow = Cause(CauseKind.OVERFLOW, (Evidence(Observation.OP_OVERFLOWS, figures, {"op": "exp 'e'"}),))
    assert cause_text(overflow) == (
        "exp 'e' overflows: its exact result reaches 70000, and 1,280 of its elements come out infinite or NaN"
        " (rms 0.0017 of one sample's scale)."
    )


@pytest.mark.parametrize(("name", "said"), [("a.png", "sample a.png"), ("sample 2/0", "sample 2/0")])
def test_a_sample_is_called_so_once(name: str, said: str) -> None:
    seen = Evidence(Observation.ON_SAMPLE, names={"sample": name})
    assert cause_text(Cause(CauseKind.CONVERTER, (seen,))) == f"That is seen on {said}."


def test_the_causes_of_other_settings_are_told_once_each() -> None:
    own = Cause(CauseKind.CONVERTER, (Evidence(Observation.GRAPH_DIFFERS, {"difference": 0.5}),))
    rows = tuple(replace(row, causes=(RECORD.cause, own)) for row in RECORD.settings[:2])
    record = replace(RECORD, settings=rows)
    words = "The graph differs from the source (rms 0.5 of one sample's scale), at no op that aligns."
    assert other_causes(record) == ((f"{rows[0].setting}, {rows[1].setting}", own, words),)


def test_where_nothing_differs_single_settings_add_nothing() -> None:
    none, one = (
        Cause(CauseKind.NONE, (Evidence(Observation.ALL_AGREE, settings={"all": settings}),))
        for settings in (("fp32/CPU_ONLY", "fp16/CPU_ONLY"), ("fp32/CPU_ONLY",))
    )
    rows = tuple(replace(row, causes=(one,)) for row in RECORD.settings)
    assert other_causes(replace(RECORD, settings=rows, cause=none)) == ()
    assert other_causes(replace(RECORD, settings=rows)) != (), "beside a difference it is told what agrees"


def test_an_explanation_that_failed_says_so() -> None:
    assert cause_sentence(replace(RECORD, explanation_failure="no engine.\nmore")).endswith(
        " The artifact was not explained op by op: no engine."
    )


def test_what_an_explanation_left_out_is_said() -> None:
    record = replace(RECORD, unfinished=Unfinished(30.0, ("other samples", "the error along the graph")))
    assert cause_sentence(record).endswith(
        " The explanation had 30 s; it left out or did not finish: other samples, the error along the graph."
    )
