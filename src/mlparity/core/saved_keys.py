"""How saved outputs are named in one file of all samples: `SAMPLE/OUTPUT`.

The last slash ends the sample's name, which may hold slashes, as paths do; a slash in an output's name (those of
TensorFlow and ONNX have some) is written `%2F`. A file in which some key has no slash is one sample, and its keys are
the names of outputs as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_ESCAPED = {"/": "%2F", "%": "%25"}
_PLAIN = {code: letter for letter, code in _ESCAPED.items()}


def key_of(sample: str, output: str) -> str:
    """Return the name of one output of a sample."""
    # A percent sign is escaped only where it would be read as the beginning of a code.
    escaped = re.sub("%(?=2F|25)|/", lambda found: _ESCAPED[found.group()], output)
    return f"{sample}/{escaped}"


def outputs_by_sample(keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return, for each sample, its outputs' names and their keys; a lone sample without a name is ""."""
    known = tuple(keys)
    if not all("/" in key for key in known):
        return {"": {key: key for key in known}}
    found: dict[str, dict[str, str]] = {}
    for key in known:
        sample, _, output = key.rpartition("/")
        plain = re.sub("%2F|%25", lambda code: _PLAIN[code.group()], output)
        found.setdefault(sample, {})[plain] = key
    return found
