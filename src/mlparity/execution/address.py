"""Where workers are: on this machine, or in a cluster that somebody started."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from mlparity.core.errors import InputError

_LOCAL = re.compile(r"local(?::([1-9]\d{0,3}))?")
_CLIENT = re.compile(r"ray://[^\s/:]+:\d{1,5}")


@dataclass(frozen=True, slots=True)
class Address:
    """`workers` on this machine; or a cluster's `text` as Ray takes it, with as many workers as it has processors."""

    text: str
    workers: int | None = None


def address_from(text: str) -> Address:
    """Return what `local`, `local:N`, `auto` or `ray://HOST:PORT` means.

    Raises:
        InputError: a text of another form.
    """
    local = _LOCAL.fullmatch(text)
    if local:
        return Address(text, int(local[1]) if local[1] else os.cpu_count() or 1)
    if text == "auto" or _CLIENT.fullmatch(text):
        return Address(text)
    raise InputError(
        "--ray takes no such address",
        found=text,
        expected="local, local:N, auto or ray://HOST:PORT",
        next_step="use local for workers on this machine, auto for the cluster that this machine belongs to",
    )
