"""A record as the `model-index` of a model card: figures that Hugging Face's site shows beside a model."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult

_SHOWN = ("max_abs", "mean_abs", "cosine", "flip_rate", "accuracy", "token_agreement")
"""The metrics that are told of an output, where they have a value."""


def model_index(record: Record) -> str:
    """Return YAML for the head of a model's README.md: a result for each output of each setting that was compared.

    Figures that are not finite are left out. The task is `other`: a record does not tell which one of the site's it is.
    Source: https://huggingface.co/docs/hub/model-cards, and `model_index_to_eval_results` of huggingface_hub 2.4.
    """
    return "\n".join(_lines(record)) + "\n"


def _lines(record: Record) -> Iterator[str]:
    yield "model-index:"
    yield f"- name: {_text(record.source.name)}"
    results = [line for row in record.settings if row.state is RowState.COMPARED for line in _results(record, row)]
    yield "  results:" if results else "  results: []"
    yield from results


def _results(record: Record, row: SettingResult) -> Iterator[str]:
    titles = {info.name: info.title for info in record.metrics}
    for output in row.outputs:
        figures = {name: output.figures.get(name) for name in _SHOWN}
        told = {name: value for name, value in figures.items() if value is not None and math.isfinite(value)}
        if not told:
            continue
        yield "  - task:"
        yield "      type: other"
        yield f"      name: {_text(f'agreement of {row.setting} with PyTorch ({row.provenance})')}"
        yield "    dataset:"
        yield "      type: own-samples"
        yield f"      name: {_text(record.samples.description)}"
        yield "    metrics:"
        for name, value in told.items():
            yield f"    - type: {name}"
            yield f"      name: {_text(f'{output.output}: {titles.get(name, name)}')}"
            yield f"      value: {json.dumps(value)}"


def _text(text: str) -> str:
    """Return a text as YAML takes it: JSON's strings are among YAML's."""
    return json.dumps(text)
