"""Replays outputs that were saved elsewhere, for example on an Apple device."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import PurePath

import numpy as np

from mlparity.core.errors import InputError
from mlparity.core.saved_keys import outputs_by_sample
from mlparity.core.session import Availability, Closing, Outputs, Sample, SampleSet, Signature, TensorSpec


def probe() -> Availability:
    """Return that saved outputs can always be replayed."""
    return Availability(ok=True)


def open(outputs: SampleSet, samples: SampleSet) -> RecordedSession:  # noqa: A001 - every backend has `open`
    """Match saved `outputs` (a set as `load_samples` gives it, without its check for NaN) with `samples` by name.

    A saved name may be the sample's with one more ending, as `cat.png.npz`, or with another one, as `cat.npz`. In a
    file of all samples the arrays are named `sample/output`, as `mlparity run` names them (see `core.saved_keys`). A
    lone set belongs to a lone sample, whatever their names. The outputs are held in memory.

    Raises:
        InputError: there are no saved outputs, a sample has none or several, or one of its outputs is saved twice.
    """
    saved = _by_sample(outputs)
    keys = {name: _key(sample) for name, sample in samples}
    if len(saved) == len(keys) == 1:
        named = dict(zip(keys, saved.values(), strict=True))
    else:
        named = {name: saved[_match(name, saved, outputs.description)] for name in keys}
    return RecordedSession(named, keys, outputs.description)


class RecordedSession(Closing):
    """A session that knows its samples by their content or name, and gives the outputs that were saved for them."""

    def __init__(self, outputs: dict[str, Outputs], keys: dict[str, str], description: str) -> None:
        self._named, self._description = outputs, description
        self._outputs = {key: outputs[name] for name, key in keys.items()}
        first = next(iter(outputs.values()), {})
        self._signature = Signature((), tuple(TensorSpec(name, None, "") for name in first))

    @property
    def signature(self) -> Signature:
        """The output names of the first saved set; the inputs are not known."""
        return self._signature

    @property
    def runtime(self) -> str:
        """Where the outputs come from."""
        return f"recorded outputs ({self._description})"

    def run(self, sample: Sample) -> Outputs:
        """Return the outputs that were saved for this sample.

        Raises:
            InputError: it is none of the samples that the session was opened with.
        """
        found = self._outputs.get(_key(sample))
        if found is None:
            raise InputError("no outputs were saved for this sample", where=self.runtime)
        return dict(found)

    def named(self, name: str) -> Outputs:
        """Return the outputs that were saved for the sample of that name.

        Raises:
            InputError: it is none of the samples that the session was opened with.
        """
        if name not in self._named:
            raise InputError("no outputs were saved for this sample", where=f"{name}, {self.runtime}")
        return dict(self._named[name])

    def close(self) -> None:
        """Forget the outputs."""
        self._named, self._outputs = {}, {}


def _by_sample(outputs: SampleSet) -> dict[str, Outputs]:
    saved: dict[str, Outputs] = {}
    for file, arrays in outputs:
        for sample, keys in outputs_by_sample(arrays).items():
            found = {output: np.asarray(arrays[key]) for output, key in keys.items()}
            known = saved.setdefault(sample or file, {})
            if twice := sorted(known.keys() & found):
                raise InputError(
                    "an output of a sample is saved twice",
                    where=f"sample {sample or file}, {file}",
                    found=", ".join(twice),
                    next_step="leave one of the files out",
                )
            known.update(found)
    return saved


def _key(sample: Sample) -> str:
    parts = (
        f"{name}|{sample[name].dtype}|{sample[name].shape}|".encode() + sample[name].tobytes()
        for name in sorted(sample)
    )
    return sha256(b"".join(parts)).hexdigest()


def _match(sample: str, saved: Mapping[str, Outputs], folder: str) -> str:
    if sample in saved:
        return sample
    same = {sample, PurePath(sample).stem}
    fitting = [name for name in saved if PurePath(name).stem in same]
    if len(fitting) == 1:
        return fitting[0]
    raise InputError(
        "a sample has several saved outputs" if fitting else "a sample has no saved outputs",
        where=f"sample {sample}",
        found=", ".join(fitting) or f"{', '.join(list(saved)[:4]) or 'nothing'} in {folder}",
        expected=f"{sample}.npz",
        next_step="save the outputs of each sample in a file of the sample's name",
    )
