"""A specification of a neural network, a classifier or a regressor to a frozen, checked `Program`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlparity.core.errors import FormatError
from mlparity.engine.mil.check import check_function
from mlparity.engine.mil.interface import read_interface
from mlparity.engine.mil.program import Block, Function, Program
from mlparity.engine.neural_network.builder import OPSET, Builder
from mlparity.engine.neural_network.doors import classify, doors_of, entered, leave, preprocess
from mlparity.engine.neural_network.network import Network

KINDS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
"""The model types that are networks, by their names in `Model.proto`."""

_FUNCTION = "main"


def network_program(path: Path, message: Any) -> Program:
    """Return the program that computes what the network in a `Model` message does.

    Raises:
        FormatError: the network contradicts itself.
        UnsupportedOpError: the engine does not run one of its layers; the text names it.
    """
    kind = message.WhichOneof("Type")
    network = getattr(message, kind)
    interface = read_interface(message.description)
    doors = doors_of(network, interface)
    builder = Builder(path, max((len(each) for each in doors.trials.values()), default=1))
    blobs = entered(builder, doors)
    preprocess(builder, network, doors, blobs)
    names = frozenset(each.name for each in (*interface.inputs, *interface.outputs))
    layers = Network(builder, blobs, names)
    layers.lower(network)
    outputs = leave(builder, doors.interface, layers.blobs)
    if kind == "neuralNetworkClassifier":
        outputs += classify(builder, network, doors.interface, layers.blobs)
    body = Block((), builder.finished(names), outputs)
    function = Function(_FUNCTION, doors.inputs, OPSET, body, is_untyped=True)
    check_function(function, lambda found: _fault(path, found))
    return Program(
        path=path,
        spec_version=message.specificationVersion,
        functions={_FUNCTION: function},
        interfaces={_FUNCTION: doors.interface},
        default_function=_FUNCTION,
        metadata=dict(message.description.metadata.userDefined),
        kind=kind,
    )


def _fault(path: Path, found: str) -> FormatError:
    return FormatError(
        "the network contradicts itself",
        where=str(path),
        found=found,
        expected="a specification that coremltools wrote",
        next_step="the file is corrupt: convert again",
    )
