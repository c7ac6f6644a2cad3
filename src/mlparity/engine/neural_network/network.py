"""The layers of a network in their order, to ops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.builder import Builder
from mlparity.engine.neural_network.layer import Layer
from mlparity.engine.neural_network.table import LOWERINGS, REFUSED


@dataclass(slots=True)
class Network:
    """The values of a network by name, and the ops so far; `reserved` are names that no layer's value may take."""

    builder: Builder
    blobs: dict[str, Blob]
    reserved: frozenset[str]

    def lower(self, message: Any) -> None:
        """Add the ops of each layer of `message`.

        Raises:
            FormatError: a layer contradicts itself, or uses what no layer before it gives.
            UnsupportedOpError: the engine does not run a layer.
        """
        for each in message.layers:
            self._layer(each)

    def _layer(self, message: Any) -> None:
        builder = self.builder
        kind = message.WhichOneof("layer") or "without a type"
        builder.layer, builder.kind = message.name or (message.output[0] if message.output else kind), kind
        if kind not in LOWERINGS:
            raise builder.refused("does not run", REFUSED.get(kind, "the engine knows no such layer"))
        for name in message.input:
            if name not in self.blobs:
                raise builder.fault(f"the input {name!r}, which no layer before it gives")
        inputs = tuple(self.blobs[name] for name in message.input)
        layer = Layer(kind, getattr(message, kind), inputs, len(message.output), builder)
        for name, blob in zip(message.output, layer.lowered(LOWERINGS[kind]), strict=True):
            self._define(name, blob)

    def _define(self, name: str, blob: Blob) -> None:
        if name in self.blobs:
            if self.builder.kind != "copy":
                raise self.builder.fault(f"the output {name!r}, which another layer gives")
            self.blobs[name] = blob
            return
        if not blob.name or blob.name in self.builder.names:
            blob = self.builder.emit("identity", x=blob)
        self.builder.names[blob.name] = f"{name}_value" if name in self.reserved else name
        self.blobs[name] = blob
