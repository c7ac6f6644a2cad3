"""`mlparity compare`: two files of saved outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.tables import STYLES, outputs_table, stdout
from mlparity.core.words import Verdict


def compare(
    reference: Annotated[Path, typer.Argument(help="The reference outputs: .npz, .npy or .safetensors.")],
    other: Annotated[Path, typer.Argument(help="The outputs to compare with it.")],
    policy: Annotated[str, typer.Option(help="consistency, task, or a policy file (TOML).")] = "consistency",
) -> Verdict:
    """Compare saved outputs, for example of a device with those of `mlparity run`."""
    from mlparity import api

    console = stdout()
    figures, judgement = api.compare_saved(reference, other, policy)
    console.print(outputs_table(figures))
    for reason in judgement.reasons:
        console.print(f"  {reason}")
    console.print(str(judgement.verdict), style=STYLES[judgement.verdict])
    return judgement.verdict
