"""States are named as the user's module names its buffers, without the wrappers that a conversion puts around it."""

from __future__ import annotations

from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

_WRAPPERS = "inner.inner."
"""Those of the flat form, and of the form that Core ML can hold."""


def name_states(program: ExportedProgram) -> None:
    """Rename the buffers that a program writes, in its signature and where it holds their values.

    Raises:
        ValueError: two buffers would have one name.
    """
    signature = program.graph_signature
    renamed = {target: target.removeprefix(_WRAPPERS) for target in signature.buffers_to_mutate.values()}
    if len(set(renamed.values())) < len(renamed):
        raise ValueError(f"buffers of one name: {', '.join(renamed)}")
    for entering in signature.input_specs:
        if entering.kind is InputKind.BUFFER and entering.target in renamed:
            entering.target = renamed[entering.target]
    for leaving in signature.output_specs:
        if leaving.kind is OutputKind.BUFFER_MUTATION and leaving.target in renamed:
            leaving.target = renamed[leaving.target]
    for held in (program.state_dict, program.constants):
        for before, after in renamed.items():
            if before in held:
                held[after] = held.pop(before)
