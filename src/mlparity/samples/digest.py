"""What identifies a set of samples: a SHA-256 over everything in it."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from mlparity.core.session import Sample, SampleSet


def digest(samples: SampleSet) -> str:
    """Return the SHA-256 over the names, types, shapes and bytes of all samples in order."""
    total = RunningDigest()
    for name, sample in samples:
        total.add(name, sample)
    return total.hexdigest()


class RunningDigest:
    """The digest of the samples that were added so far."""

    def __init__(self) -> None:
        """Start with none."""
        self._total = sha256()

    def add(self, name: str, sample: Sample) -> None:
        """Take one sample more."""
        self.add_sha256(name, sample_sha256(sample))

    def add_sha256(self, name: str, sha256: str) -> None:
        """Take one sample more, whose own digest is known."""
        self._total.update(f"{name}|".encode())
        self._total.update(bytes.fromhex(sha256))

    def hexdigest(self) -> str:
        """Return what `digest` gives for a set of these samples."""
        return self._total.hexdigest()


def sample_sha256(sample: Sample) -> str:
    """Return the SHA-256 over one sample's input names, types, shapes and bytes, in the order of the names."""
    total = sha256()
    for name in sorted(sample):
        array = np.ascontiguousarray(sample[name])
        total.update(f"{name}|{array.dtype.str}|{sample[name].shape}|".encode())
        total.update(array.reshape(-1).view(np.uint8).data)
    return total.hexdigest()
