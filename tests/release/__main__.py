"""`python -m tests.release DIST [EXTRAS ...]`: the wheel in DIST, tried in an empty environment for each set of extras.

Each environment fetches torch and coremltools; "" stands for no extra. Exit code 1 where something fails.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.release.installed import SETS, try_wheel


def main(arguments: list[str]) -> int:
    """Try the wheel with each set of extras and print how long it took."""
    dist, *chosen = arguments
    (wheel,) = Path(dist).resolve().glob("*.whl")
    failed = False
    for extras in chosen or SETS:
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            failures = try_wheel(wheel, extras, Path(folder))
        print(
            f"{wheel.name}[{extras}]: {'fails' if failures else 'works'}, {time.monotonic() - start:.0f} s", flush=True
        )
        print("".join(f"  {failure}\n" for failure in failures), end="", flush=True)
        failed |= bool(failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
