from __future__ import annotations

import pytest

from mlparity.core.errors import InputError
from mlparity.core.saved_keys import key_of, outputs_by_sample


def test_keys_tell_samples_from_outputs() -> None:
    assert outputs_by_sample(["a/y", "b/y", key_of("a", "z/50%")]) == {
        "a": {"y": "a/y", "z/50%": "a/z%2F50%"},
        "b": {"y": "b/y"},
    }
    assert outputs_by_sample(["head/y", "z"]) == {"": {"head/y": "head/y", "z": "z"}}


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        (["a/y", "a/y"], "2 arrays have one name"),
        (["y", "z", "z"], "2 arrays have one name"),
        (["a/50%", "a/50%25"], "the name of one output"),
        (["a/y", "b/y", "note"], "of one sample by some names"),
        (["note", "a/z", "a/y", "deep/b/y"], "of one sample by some names"),
    ],
)
def test_keys_with_two_readings_are_refused(keys: list[str], what: str) -> None:
    """Else one array of two is lost, or a limit on all samples is met by each of them alone."""
    with pytest.raises(InputError, match=what):
        outputs_by_sample(keys)
