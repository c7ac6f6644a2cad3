"""How saved outputs are named in one file of all samples: `SAMPLE/OUTPUT`.

The last slash ends the sample's name, which may hold slashes, as paths do; a slash in an output's name (those of
TensorFlow and ONNX have some) is written `%2F`. A file in which some key has no slash is one sample, and its keys are
the names of outputs as they stand; where its other keys could be several samples of one output, it is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from mlparity.core.errors import InputError

_ESCAPED = {"/": "%2F", "%": "%25"}
_PLAIN = {code: letter for letter, code in _ESCAPED.items()}


def key_of(sample: str, output: str) -> str:
    """Return the name of one output of a sample."""
    # A percent sign is escaped only where it would be read as the beginning of a code.
    escaped = re.sub("%(?=2F|25)|/", lambda found: _ESCAPED[found.group()], output)
    return f"{sample}/{escaped}"


def outputs_by_sample(keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return, for each sample, its outputs' names and their keys; a lone sample without a name is "".

    Raises:
        InputError: two keys name the same output, or some name one sample and others several.
    """
    known = checked_once(keys)
    bare = next((key for key in known if "/" not in key), None)
    if bare is not None:
        _check_one_sample(known, bare)
        return {"": {key: key for key in known}}
    found: dict[str, dict[str, str]] = {}
    for key in known:
        sample, output = _parts(key)
        first = found.setdefault(sample, {}).setdefault(output, key)
        if first != key:
            raise _ambiguous("two arrays have the name of one output", f"{first} and {key}")
    return found


def checked_once(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the keys, once no two of them are the same: a reader would take one of both arrays, and lose the other.

    Raises:
        InputError: a key occurs twice.
    """
    known = tuple(keys)
    for key, count in Counter(known).items():
        if count > 1:
            raise _ambiguous(f"{count} arrays have one name", key)
    return known


def _check_one_sample(known: tuple[str, ...], bare: str) -> None:
    first: dict[str, str] = {}
    for key in (whole for whole in known if "/" in whole):
        other = first.setdefault(_parts(key)[1], key)
        if other != key:
            raise _ambiguous(
                "saved outputs are of one sample by some names, and of several by others", f"{bare}, {other}, {key}"
            )


def _parts(key: str) -> tuple[str, str]:
    sample, _, output = key.rpartition("/")
    return sample, re.sub("%2F|%25", lambda code: _PLAIN[code.group()], output)


def _ambiguous(what: str, found: str) -> InputError:
    return InputError(
        what,
        found=found,
        expected="SAMPLE/OUTPUT for each array, or names of outputs alone",
        next_step="save each array once, under one kind of name; a slash in an output's name is written %2F",
    )
