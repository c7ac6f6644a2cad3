"""The layers of a network in their order, to ops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.builder import Builder
from mlparity.engine.neural_network.control_flow import BROKEN, branch, leaves, loop, names_used
from mlparity.engine.neural_network.layer import Layer
from mlparity.engine.neural_network.table import CONTROL_FLOW, LOWERINGS, REFUSED

_MAX_NESTING = 16
_MAX_RANK = 5


@dataclass(slots=True)
class Network:
    """The values of a network, or of a block of it, by name, and the ops so far.

    `reserved` are names that no layer's value may take in the program, and `outputs` those that are used at the end.
    """

    builder: Builder
    blobs: dict[str, Blob]
    reserved: frozenset[str]
    outputs: frozenset[str]
    depth: int = 0

    def within(self) -> Self:
        """Return the scope of a block: what is changed there is not changed here.

        Raises:
            FormatError: blocks nested too deep.
        """
        if self.depth >= _MAX_NESTING:
            raise self.builder.fault(f"blocks nested more than {_MAX_NESTING} deep")
        return replace(self, blobs=dict(self.blobs), depth=self.depth + 1)

    def lower(self, layers: Sequence[Any]) -> None:
        """Add the ops of the layers, up to where a loop is left.

        Raises:
            FormatError: a layer contradicts itself, or uses what no layer before it gives.
            UnsupportedOpError: the engine does not run a layer.
        """
        for place, each in enumerate(layers):
            kind = self._begun(each)
            if kind not in CONTROL_FLOW:
                self._layer(each, kind)
            elif kind == "loop":
                loop(self, each, frozenset(names_used(layers[place + 1 :])) | self.outputs)
            elif kind == "branch":
                rest = layers[place + 1 :] if leaves([each]) else ()
                branch(self, each, rest)
                if rest:
                    return
            else:
                self._leave(kind)
                return

    def _begun(self, message: Any) -> str:
        kind = message.WhichOneof("layer") or "without a type"
        name = message.name or (message.output[0] if message.output else kind)
        self.builder.layer, self.builder.kind = name, kind
        if kind not in LOWERINGS and kind not in CONTROL_FLOW:
            raise self.builder.refused("does not run", REFUSED.get(kind, "the engine knows no such layer"))
        for each in message.input:
            if each not in self.blobs:
                raise self.builder.fault(f"the input {each!r}, which no layer before it gives")
        return kind

    def _leave(self, kind: str) -> None:
        if BROKEN not in self.blobs:
            raise self.builder.fault("no loop around it")
        if kind == "loopBreak":
            self.blobs[BROKEN] = self.builder.literal(1.0)

    def _layer(self, message: Any, kind: str) -> None:
        inputs = tuple(self.blobs[name] for name in message.input)
        layer = Layer(kind, getattr(message, kind), inputs, len(message.output), self.builder)
        stated = [each.rank for each in message.outputTensor] or [0] * len(message.output)
        for name, blob, rank in zip(message.output, layer.lowered(LOWERINGS[kind]), stated, strict=False):
            blob = blob.shaped((None,) * rank if 1 <= rank <= _MAX_RANK else None)
            if kind == "copy":  # another name for the same value, or the same name for another
                self.blobs[name] = blob
            elif name in self.blobs and self.depth == 0:
                raise self.builder.fault(f"the output {name!r}, which another layer gives")
            else:
                self.assign(name, blob)

    def only_input(self, message: Any) -> Blob:
        """Return the one input of a layer.

        Raises:
            FormatError: there is another number of them.
        """
        if len(message.input) != 1:
            raise self.builder.fault(f"{len(message.input)} inputs", expected="1")
        return self.blobs[message.input[0]]

    def assign(self, name: str, blob: Blob) -> None:
        """Let a name stand for a value from here on; the first one is named so in the program too."""
        if name not in self.blobs and self.depth == 0:
            if not blob.name or blob.name in self.builder.names:
                blob = self.builder.emit("identity", x=blob)
            self.builder.names[blob.name] = f"{name}_value" if name in self.reserved else name
        self.blobs[name] = blob
