"""Runs coremltools' own tests on our engine.

Usage: python -m tests.conformance [SUITE ...] [-- PYTEST_OPTIONS]. A suite is a path below the installed coremltools;
without one, the tests of the MIL ops run, which take most of an hour on two cores.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

DEFAULT = ("converters/mil/mil/ops/tests",)


def main() -> int:
    """Return pytest's exit code."""
    spec = importlib.util.find_spec("coremltools")
    assert spec is not None
    assert spec.origin is not None
    home = Path(spec.origin).parent
    given = sys.argv[1:]
    cut = given.index("--") if "--" in given else len(given)
    suites = [str(home / each) for each in given[:cut] or DEFAULT]
    options = given[cut + 1 :] or ["-n", "2"]
    plain = ["-p", "tests.conformance.apple", "-p", "no:anyio", "-p", "no:cacheprovider", "-c", "/dev/null"]
    return pytest.main([*plain, f"--rootdir={home}", "-q", "-W", "ignore", "--tb=line", *options, *suites])


if __name__ == "__main__":
    sys.exit(main())
