"""A folder in one piece of bytes, as ExecuTorch's Core ML delegate keeps a model and its description.

The files lie one after the other. Behind them stands a JSON text, its bytes in reverse order, that names each file and
folder with its place, the whole folder last. Source: ExecuTorch 1.5.1,
`backends/apple/coreml/runtime/inmemoryfs/inmemory_filesystem.cpp`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_FIRST_GUESS = 2**16
_FILE = 0
_MAX_DEPTH = 32


def unfold(data: bytes, folder: Path) -> None:
    """Write the files of a folder that was put into bytes below `folder`.

    Raises:
        ValueError: the bytes hold no such folder, or one with a name or a place that no file of it can have.
        OSError: a file cannot be written.
    """
    nodes = _description(data)
    for parts, start, size in _entries(nodes, len(nodes) - 1, (), set()):
        if size is None:
            folder.joinpath(*parts).mkdir(parents=True, exist_ok=True)  # a manifest may name an empty folder
            continue
        if start < 0 or size < 0 or start + size > len(data):
            raise ValueError(f"{'/'.join(parts)}: {size} bytes at {start}, in {len(data)}")
        folder.joinpath(*parts).write_bytes(data[start : start + size])


def _description(data: bytes) -> Sequence[Any]:
    """Return the nodes of the JSON text that ends the bytes; how long it is shows only when it is read."""
    guess = min(_FIRST_GUESS, len(data))
    while True:
        # One character a byte, so that what stands before the text does no harm.
        text = data[len(data) - guess :][::-1].decode("latin-1")
        try:
            found, _ = json.JSONDecoder().raw_decode(text)
            break
        except ValueError:
            if guess == len(data):
                raise
        guess = min(guess * 8, len(data))
    nodes = found.get("nodes") if isinstance(found, dict) else None
    if not isinstance(nodes, list) or not nodes:
        raise ValueError("no list of files")
    return nodes


def _entries(
    nodes: Sequence[Any], index: int, parts: tuple[str, ...], seen: set[int]
) -> Iterator[tuple[tuple[str, ...], int, int | None]]:
    """Yield a node and all below it: path, place and size, which a folder has not; each node stands once in a tree."""
    if index in seen or not 0 <= index < len(nodes) or len(parts) > _MAX_DEPTH:
        raise ValueError(f"the list of files is no tree: {index}")
    seen.add(index)
    node: Mapping[str, Any] = nodes[index]
    if node["kind"] == _FILE:
        yield parts, int(node["dataRegion"]["offset"]), int(node["dataRegion"]["size"])
        return
    yield parts, 0, None
    for name, child in node["children"].items():
        yield from _entries(nodes, int(child), (*parts, _checked(name)), seen)


def _checked(name: str) -> str:
    plain = name.encode("latin-1").decode()
    if plain in ("", ".", "..") or any(letter in plain for letter in "/\\\0\n"):
        raise ValueError(f"a file with the name {plain!r}")
    return plain
