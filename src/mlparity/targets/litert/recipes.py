"""Conversions to LiteRT as scripts of plain litert-torch."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.targets.recipe import Recipe, RecipeRequest, head_of

_FILE, _SCRIPT = "fixed.tflite", "fix.py"

_CALLS = {
    "converted again": "converted = litert_torch.convert(model, example)\n",
    "converted again, the code analysed and not run": (
        "converted = litert_torch.convert(model, example, strict_export=True)\n"
    ),
}


def litert_recipes(request: RecipeRequest) -> Iterator[Recipe]:
    """Yield scripts that convert a source again; litert-torch has one route."""
    for change, call in _CALLS.items():
        head = head_of(request, _SCRIPT, ("import litert_torch",))
        yield Recipe(change, request.precision, _FILE, call, f'{head}{call}converted.export(str(HERE / "{_FILE}"))\n')
