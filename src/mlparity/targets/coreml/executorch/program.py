"""A `.pte` file: its methods, what each runs in turn, and the bytes of its delegates.

Source of the layout: ExecuTorch 1.5.1, `schema/program.fbs` (the numbers of fields), and `exir/_serialize/_program.py`
(the header behind the file's mark: the sizes of the program and where the segments begin).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import LARGE, read_regular
from mlparity.targets.coreml.executorch.tables import WRONG, Node, root

_MARK, _HEADER_MARK = b"ET", b"eh00"
_HEADER = struct.Struct("<4sIQQ")
_HEADER_AT = 8

# Fields by their numbers in the schema.
_METHODS, _INLINE, _SEGMENTS, _NAMED = 1, 3, 4, 7
_NAME, _INPUTS, _OUTPUTS, _CHAINS, _OPS, _DELEGATES = 0, 3, 4, 5, 6, 7
_INSTRUCTIONS, _ARGUMENTS_KIND, _ARGUMENTS = 2, 0, 1
_KERNEL, _DELEGATE = 1, 2
_OTHERS = {3: "move", 4: "jump"}
_IN_SEGMENT = 1


@dataclass(frozen=True, slots=True)
class Delegated:
    """A call of a delegate: the backend's name, its bytes, and the values that it takes and gives, by number."""

    backend: str
    data: bytes
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a program: the numbers of its inputs and outputs, its calls of delegates, and what else it runs."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    delegated: tuple[Delegated, ...]
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PteProgram:
    """The methods of a file, and the data that delegates name."""

    methods: tuple[Method, ...]
    named: Mapping[str, bytes] = field(default_factory=dict)


def read_pte(path: Path) -> PteProgram:
    """Return the program in the `.pte` file at `path`.

    Raises:
        FormatError: it cannot be read, or is no such file.
    """
    try:
        data = read_regular(path, limit=LARGE)
        if data[4:6] != _MARK:
            raise ValueError(f"a file that begins with {data[:8]!r}")
        return _Reader(data).program()
    except (OSError, *WRONG) as error:
        raise FormatError(
            "the file is no program of ExecuTorch",
            where=str(path),
            found=str(error),
            expected="a .pte file as ExecuTorch 1 writes it",
            next_step="the file is truncated or corrupt: export or copy it again",
        ) from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        mark, _, size, self.base = _HEADER.unpack_from(data, _HEADER_AT)
        self.has_segments = mark == _HEADER_MARK
        self.root = root(data[:size] if self.has_segments else data)

    def program(self) -> PteProgram:
        named = {each.text(0): self._segment(each.number(1, "Uint32")) for each in self.root.nodes(_NAMED)}
        return PteProgram(tuple(map(self._method, self.root.nodes(_METHODS))), named)

    def _method(self, plan: Node) -> Method:
        names = [".".join(filter(None, (op.text(0), op.text(1)))) for op in plan.nodes(_OPS)]
        backends, delegated, ops = plan.nodes(_DELEGATES), list[Delegated](), list[str]()
        for instruction in (each for chain in plan.nodes(_CHAINS) for each in chain.nodes(_INSTRUCTIONS)):
            kind, arguments = instruction.number(_ARGUMENTS_KIND, "Uint8"), instruction.node(_ARGUMENTS)
            if arguments is None:
                raise ValueError("an instruction without arguments")
            index = arguments.number(0, "Int32")
            if kind == _DELEGATE:
                delegated.append(self._call(backends[index], arguments.numbers(1)))
            elif kind == _KERNEL:
                ops.append(names[index])
            elif kind in _OTHERS:
                ops.append(_OTHERS[kind])
        return Method(plan.text(_NAME), plan.numbers(_INPUTS), plan.numbers(_OUTPUTS), tuple(delegated), tuple(ops))

    def _call(self, backend: Node, values: tuple[int, ...]) -> Delegated:
        place = backend.node(1)
        if place is None:
            raise ValueError("a delegate without data")
        index = place.number(1, "Uint32")
        in_segment = place.number(0, "Int8") == _IN_SEGMENT
        data = self._segment(index) if in_segment else bytes(self.root.nodes(_INLINE)[index].data(0))
        return Delegated(backend.text(0), data, values)

    def _segment(self, index: int) -> bytes:
        segment = self.root.nodes(_SEGMENTS)[index]
        offset, size = segment.number(0, "Uint64"), segment.number(1, "Uint64")
        start = self.base + offset
        if not self.has_segments or start + size > len(self.data):
            raise ValueError(f"{size} bytes at {start}, in a file of {len(self.data)}")
        return self.data[start : start + size]
