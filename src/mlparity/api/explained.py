"""Settings that a platform does not offer, and why; they have no figures of their own."""

from __future__ import annotations

from mlparity.api.options import VerifyOptions
from mlparity.backends import coreai
from mlparity.convert import coreai as converter
from mlparity.core.words import ComputeUnit, Precision, Setting, Target

_NEVER = {
    Setting(Target.COREML, Precision.FP32, ComputeUnit.CPU_AND_NE): (
        "An fp32-typed op never runs on the Neural Engine, so this setting is fp32/CPU_ONLY under another name. "
        "Source: https://apple.github.io/coremltools/docs-guides/source/typed-execution.html"
    )
}


def explained(options: VerifyOptions) -> dict[Setting, str]:
    """Return those of the settings that are not offered here, each with the reason.

    A runtime that is not installed is a reason where no setting was asked for by name.
    """
    found = {setting: _reason(setting, options) for setting in options.settings}
    return {setting: reason for setting, reason in found.items() if reason}


def _reason(setting: Setting, options: VerifyOptions) -> str:
    if setting.target is not Target.COREAI:
        return _NEVER.get(setting, "")
    if setting.compute_unit is not None and not coreai.chooses_units():
        return (
            "Core AI takes compute units on macOS 27 and newer alone; here its runtime runs on the CPU, which is"
            f" coreai/{setting.precision}."
        )
    if not options.is_default or any(path.suffix == ".aimodel" for path in options.artifacts):
        return ""
    missing = [each.why for each in (coreai.probe(), converter.probe(setting.precision)) if not each.ok]
    return f"Core AI is one more runtime to compare with: {missing[0]}" if missing else ""
