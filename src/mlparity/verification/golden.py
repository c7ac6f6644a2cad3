"""Golden samples beside the loader in Swift: what an app's test needs to hold the device to the source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np

from mlparity.compare.align import align
from mlparity.core.errors import MlparityError
from mlparity.core.saved_keys import key_of
from mlparity.core.session import Outputs, Sample, Session
from mlparity.core.writing import write_whole
from mlparity.record.decisive import decisive
from mlparity.record.record import Record
from mlparity.record.rows import SettingResult
from mlparity.report.allowance import allowed_of
from mlparity.samples.digest import RunningDigest
from mlparity.sessions.checked import fitted, run_checked
from mlparity.targets.coreml.xctest import XCTEST
from mlparity.verification.explain_package import open_reference
from mlparity.verification.job import Job

XCTEST_FOLDER = "xctest"
"""The folder that the test, its samples and its limits lie in, beside the record."""

SAMPLES = 8
"""How many samples there are at most, the first ones (assumed: an app's test takes seconds)."""


def write_golden(job: Job, record: Record, source: Session, folder: Path) -> str:
    """Write the test for the recommended setting, and return "", or why there is none.

    Raises:
        OutputError: a file cannot be written.
    """
    row = next((row for row in decisive(record.settings) if row.setting == record.recommendation.setting), None)
    if row is None or row.setting.unit is None:
        return "no XCTest was written: no setting of Core ML is recommended"
    if job.options.carry:
        return "no XCTest was written: a state is carried from sample to sample"
    try:
        manifest, data = _Golden(job, record, row, source).made()
    except MlparityError as error:
        return f"no XCTest was written: {str(error).splitlines()[0]}"
    (folder / XCTEST_FOLDER).mkdir()
    files = {
        "VerifiedModelTests.swift": XCTEST.encode(),
        "golden.json": json.dumps(manifest, indent=1, allow_nan=False).encode(),
        "golden.bin": data,
    }
    for name, content in files.items():
        write_whole(folder / XCTEST_FOLDER / name, content)
    return ""


class _Golden:
    """The samples of one setting's artifact, as doubles one after the other."""

    def __init__(self, job: Job, record: Record, row: SettingResult, source: Session) -> None:
        self._job, self._record, self._row, self._source = job, record, row, source
        self._data = bytearray()

    def made(self) -> tuple[Mapping[str, object], bytes]:
        """Return what golden.json and golden.bin hold."""
        path, digest, samples = self._job.stage / self._row.artifact, RunningDigest(), []
        with closing(open_reference(path, self._job.source.input_names)) as session:
            for name, sample in islice(self._job.samples, SAMPLES):
                digest.add(name, sample)
                given = fitted(self._job.given(name, sample), session.signature.inputs, session.runtime)
                expected, found = run_checked(self._source, sample), session.run(given)
                samples.append(self._sample(name, given, expected, dict(align(expected, found).pairs)))
        artifact = next(each for each in self._record.artifacts if each.path == self._row.artifact)
        manifest = {
            "model": Path(artifact.path).stem,
            "setting": str(self._row.setting),
            "artifactSHA256": artifact.sha256,
            "samplesSHA256": digest.hexdigest(),
            "mlparityVersion": self._record.mlparity_version,
            "samples": samples,
        }
        return manifest, bytes(self._data)

    def _sample(self, name: str, given: Sample, expected: Outputs, names: Mapping[str, str]) -> dict[str, object]:
        scales = {output.output: output for output in self._row.outputs}
        outputs = [
            {
                **self._array(own, name, expected[output]),
                "limit": allowed_of(self._record, scales[output]) if output in scales else None,
            }
            for output, own in names.items()
        ]
        return {
            "name": name,
            "inputs": [self._array(key, name, each) for key, each in given.items()],
            "outputs": outputs,
        }

    def _array(self, name: str, sample: str, array: np.ndarray) -> dict[str, object]:
        """Append an array as doubles, the lowest byte first, and say where it lies."""
        offset = len(self._data)
        self._data += np.ascontiguousarray(array, "<f8").tobytes()
        shape = list(array.shape)
        return {"name": name, "key": key_of(sample, name), "shape": shape, "offset": offset, "count": array.size}
