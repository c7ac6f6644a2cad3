"""A Python file that loads the recommended artifact with the compute units that were verified."""

from __future__ import annotations

from mlparity.core.record import Record
from mlparity.core.words import Target
from mlparity.report.evidence import evidence_comments, recommended

_FILE = '''\
{comments}
"""Loads the model as it was verified; needs coremltools alone."""

from pathlib import Path

import coremltools as ct

MODEL = Path(__file__).with_name({artifact!a})


def load() -> ct.models.MLModel:
    """Return the model, set to the compute units that passed."""
    return ct.models.MLModel(str(MODEL), compute_units=ct.ComputeUnit.{unit})
'''


def python_loader(record: Record) -> str | None:
    """Return the file's text, or None where no Core ML setting is recommended."""
    result = recommended(record, Target.COREML)
    if result is None:
        return None
    comments = evidence_comments(record, result, "#")
    return _FILE.format(comments=comments, artifact=result.artifact, unit=result.setting.compute_unit)
