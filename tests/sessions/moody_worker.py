"""A worker that does what a runtime should not: prints, hangs, ends and refuses."""

from __future__ import annotations

import os
import sys
import time

from mlparity.sessions.isolated import serve


def answer(message: str) -> object:
    sys.stdout.write(f"asked to {message}\n")
    sys.stdout.flush()
    if message == "hang":
        time.sleep(600)
    if message == "end":
        os.abort()
    if message == "refuse":
        raise ValueError("not today")
    return {"pid": os.getpid(), "folder": os.environ["TMPDIR"]}


if __name__ == "__main__":
    serve(int(sys.argv[1]), answer)
