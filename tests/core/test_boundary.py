"""What leaves a public function is its result, an error of ours, or Ctrl-C."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import torch

from mlparity import api
from mlparity.core.boundary import typed_errors
from mlparity.core.errors import LONGEST, MlparityError, ResourceError, SourceError, shortened


class Own(BaseException):
    pass


@typed_errors
def raising(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "typed"),
    [
        (MemoryError("none left"), ResourceError),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), ResourceError),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), ResourceError),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), ResourceError),
        (PermissionError(errno.EACCES, "Permission denied", "/locked"), ResourceError),
        (SystemExit(0), SourceError),
        (GeneratorExit(), SourceError),
        (Own(), SourceError),
    ],
    ids=repr,
)
def test_it_is_typed(error: BaseException, typed: type[MlparityError]) -> None:
    with pytest.raises(typed):
        raising(error)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), ValueError("a fault of ours"), RuntimeError("of ours")], ids=repr
)
def test_it_is_left_alone(error: BaseException) -> None:
    with pytest.raises(type(error)):
        raising(error)


def test_real_shortages_are_recognised() -> None:
    @typed_errors
    def by_numpy() -> None:
        np.zeros(1 << 50)

    @typed_errors
    def by_torch() -> None:
        torch.zeros(1 << 50)

    for function in (by_numpy, by_torch):
        with pytest.raises(ResourceError, match="memory ran out"):
            function()


def test_every_public_function_has_the_boundary() -> None:
    # A script's exceptions are its own, the last only reads findings, and what ends in `_from` reads a text.
    functions = {name for name in api.__all__ if name[0].islower() and not name.endswith("_from")}
    functions -= {"execute_script", "verdict_of"}
    assert [name for name in functions if not hasattr(getattr(api, name), "__wrapped__")] == []


def test_a_long_text_is_shortened_and_kept_whole_beside() -> None:
    error = MlparityError("short", found="x" * 3_000_000)
    assert len(str(error)) < LONGEST + 100
    assert "2,996,000 more characters are left out" in str(error)
    assert error.found == "x" * 3_000_000
    assert error.found in error.whole
    assert MlparityError("short", found="x").whole == "short\n  found: x"
    assert shortened("x" * LONGEST) == "x" * LONGEST


def test_a_text_of_several_lines_stays_in_its_part() -> None:
    error = MlparityError("what", found="one\nVerdict: pass\n  next: nothing")
    assert str(error).splitlines() == ["what", "  found: one", "    Verdict: pass", "      next: nothing"]
