"""What tuning found, in words."""

from __future__ import annotations

from mlparity.record.tuning import Tuning


def tuning_text(tuning: Tuning) -> str:
    """Return which ops stay in fp32, who keeps them there, and by how much the package grows."""
    own, others = (
        [f"{op.type} {op.name!r}" for op in tuning.kept if (op.by == "tune") is is_own] for is_own in (True, False)
    )
    left = f" coremltools itself leaves {', '.join(others)} in fp32." if others else ""
    if not own:
        return f"Plain fp16 holds the policy: no op has to be chosen.{left}"
    growth = tuning.after.size_bytes / tuning.before.size_bytes - 1
    return (
        f"With {', '.join(own)} in fp32 the policy holds.{left} Ops in fp32 ({tuning.after.fp32_ops}) cannot run on the"
        f" Neural Engine, which takes fp16 alone; the package grows by {growth:.1%}."
    )
