"""Somebody's script, run as it stands with prediction enabled."""

from __future__ import annotations

from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.sessions.pretending import pretend_macos
from mlparity.sessions.scripts import run_module, run_script


def execute_script(
    script: str,
    args: tuple[str, ...] = (),
    chip: str | None = "M4",
    *,
    is_module: bool = False,
    macos: bool = False,
) -> None:
    """Run `script` as `python SCRIPT ARGS` would, or `python -m`, after `enable_coremltools(chip)`.

    With `macos` it is told that the system is macOS, as `mlparity.sessions.pretending` says.

    Raises:
        InputError: there is no such file, module or chip. What the script itself raises passes through.
    """

    def prepare() -> None:
        enable_coremltools(chip)
        if macos:
            pretend_macos()

    (run_module if is_module else run_script)(script, args, prepare)
