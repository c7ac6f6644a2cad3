"""A conversion to ONNX as a script of plain PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.targets.recipe import Recipe, RecipeRequest, head_of

_FILE, _SCRIPT = "fixed.onnx", "fix.py"


def onnx_recipes(request: RecipeRequest) -> Iterator[Recipe]:
    """Yield the script that converts a source again; PyTorch's exporter has one route."""
    inputs, outputs = [spec.name for spec in request.inputs], [name for name, _ in request.outputs]
    call = (
        "converted = torch.onnx.export(\n"
        f"    model, example, input_names={inputs}, output_names={outputs}, dynamo=True\n"
        ")\n"
    )
    script = f'{head_of(request, _SCRIPT, ())}{call}converted.save(str(HERE / "{_FILE}"), external_data=False)\n'
    yield Recipe("converted again", request.precision, _FILE, call, script)
