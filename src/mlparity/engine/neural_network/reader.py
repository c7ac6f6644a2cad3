"""A specification of a neural network, a classifier or a regressor to a frozen, checked `Program`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlparity.core.errors import FormatError
from mlparity.engine.mil.check import check_function
from mlparity.engine.mil.interface import read_interface
from mlparity.engine.mil.program import Block, Function, Interface, Program, TensorType
from mlparity.engine.neural_network.boundary import boundary_of, classify, entered, image_ranks, leave, preprocess
from mlparity.engine.neural_network.builder import OPSET, Builder
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
    interface = read_interface(message.description)
    ranks = image_ranks(getattr(message, message.WhichOneof("Type")), interface)
    for rank in ranks[:-1]:
        try:
            program = _program_of(path, message, interface, rank)
        except FormatError:
            continue
        if _fits(program):
            return program
    return _program_of(path, message, interface, ranks[-1])


def _fits(program: Program) -> bool:
    """Return whether the arrays that come out have as many axes as the description says."""
    function = program.functions[_FUNCTION]
    made = {each.name: each.type for op in function.body.ops for each in op.outputs}
    described = {each.name: each.shape for each in program.interfaces[_FUNCTION].outputs if each.shape}
    ranks = {name: kind.shape for name, kind in made.items() if isinstance(kind, TensorType)}
    return all(ranks.get(name) is None or len(ranks[name] or ()) == len(shape) for name, shape in described.items())


def _program_of(path: Path, message: Any, interface: Interface, image_rank: int) -> Program:
    kind = message.WhichOneof("Type")
    network = getattr(message, kind)
    boundary = boundary_of(network, interface, image_rank)
    is_assumed = any(each.is_rank5 or each.sizes or each.choices for each in boundary.interface.inputs)
    builder = Builder(path, max((len(each) for each in boundary.trials.values()), default=1), is_assumed)
    blobs = entered(builder, boundary)
    preprocess(builder, network, boundary, blobs)
    names = frozenset(each.name for each in (*interface.inputs, *interface.outputs))
    wanted = frozenset(each.name for each in interface.outputs) | {_probabilities(network, kind)}
    layers = Network(builder, blobs, names, wanted)
    layers.lower(network.layers)
    outputs = leave(builder, boundary.interface, layers.blobs)
    if kind == "neuralNetworkClassifier":
        outputs += classify(builder, network, boundary.interface, layers.blobs)
    body = Block((), builder.finished(names), outputs)
    function = Function(_FUNCTION, boundary.inputs, OPSET, body, is_untyped=True)
    check_function(function, lambda found: _fault(path, found))
    return Program(
        path=path,
        spec_version=message.specificationVersion,
        functions={_FUNCTION: function},
        interfaces={_FUNCTION: boundary.interface},
        default_function=_FUNCTION,
        metadata=dict(message.description.metadata.userDefined),
        kind=kind,
    )


def _probabilities(network: Any, kind: str) -> str:
    return str(network.labelProbabilityLayerName) if kind == "neuralNetworkClassifier" else ""


def _fault(path: Path, found: str) -> FormatError:
    return FormatError(
        "the network contradicts itself",
        where=str(path),
        found=found,
        expected="a specification that coremltools wrote",
        next_step="the file is corrupt: convert again",
    )
