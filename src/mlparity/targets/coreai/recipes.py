"""A conversion to Core AI as a script of plain coreai-torch."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.core.words import Precision
from mlparity.targets.recipe import Recipe, RecipeRequest, head_of

_FILE, _SCRIPT = "fixed.aimodel", "fix.py"


def coreai_recipes(request: RecipeRequest) -> Iterator[Recipe]:
    """Yield the script that converts a source to fp32 again; fp16 is cast by another tool, and is not tried."""
    if request.precision is not Precision.FP32:
        return
    inputs, outputs = [spec.name for spec in request.inputs], [name for name, _ in request.outputs]
    call = (
        "program = torch.export.export(model, example).run_decompositions(coreai_torch.get_decomp_table())\n"
        "converter = coreai_torch.TorchConverter(mode=coreai_torch.TorchConverter.Mode.RELEASE)\n"
        f"converter.add_exported_program(program, input_names={inputs}, output_names={outputs})\n"
        "converted = converter.to_coreai()\n"
    )
    script = f'{head_of(request, _SCRIPT, ("import coreai_torch",))}{call}converted.save_asset(HERE / "{_FILE}")\n'
    yield Recipe("converted again", request.precision, _FILE, call, script)
