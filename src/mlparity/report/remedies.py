"""What to do where a verification did not pass: about each kind of cause, and about what the policy requires."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.core.words import Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.policy import QUANTIFIERS
from mlparity.record.record import Record
from mlparity.record.rows import RowState

_REMEDIES = {
    CauseKind.PRECISION: "Load the fp32 model, keep the ops that carry the difference in fp32 (mlparity tune finds the"
    " fewest), or judge by the harm to your task (--policy task).",
    CauseKind.COMPUTE_UNIT: "Load the model with compute units that pass, or keep its ops in fp32; measure on a device"
    " before you ship another unit.",
    CauseKind.OVERFLOW: "Convert to fp32, keep the ops that overflow in fp32 (mlparity tune finds them), or scale the"
    " values down in the source; no policy makes an overflow harmless.",
    CauseKind.CONVERTER: "Write the op that is named in another way in the source, or convert by another route"
    " (mlparity verify --fix tries them), and report it to the converter.",
    CauseKind.RUNTIME: "Use another version of the runtime or its reference kernels, and report it with the artifact.",
    CauseKind.PREPROCESSING: "Prepare the artifact's inputs as the source's are: change the scale, bias or order in the"
    " app or in the conversion, and verify again.",
    CauseKind.TRAINING_MODE: "Call .eval() on the module before you convert it.",
    CauseKind.NONDETERMINISM: "Take what is random out of the model, or give it as an input.",
    CauseKind.WEIGHTS: "Convert again from the weights that you ship, or verify the source that the artifact is of.",
    CauseKind.COMPRESSION: "Store the layers that carry the loss in more bits (mlparity tune --compress finds the"
    " smallest file that passes), or judge by the harm to your task (--policy task).",
    CauseKind.BRANCH: "Write the branch with tensor operations, such as torch.where, or convert a model for each path.",
    CauseKind.WRITE: "Write the result into a new tensor instead of in place, and convert again.",
    CauseKind.ORDER: "Ask for an order in the source, for example sorted=True, or compare what does not depend on it.",
    CauseKind.SOURCE: "Turn off the faster of PyTorch's two ways, or allow for both in the policy.",
    CauseKind.UNKNOWN: "Look at the worst samples in the report, and compare op by op (mlparity locate).",
}


def remedies_of(record: Record) -> tuple[str, ...]:
    """Return what to do about required settings without a verdict, then about each kind of cause of other rows."""
    kinds = (
        cause.kind
        for row in record.settings
        if row.verdict is not Verdict.PASS and row.outputs
        for cause in (*row.causes, *((record.cause,) if not row.causes else ()))
    )
    causes = dict.fromkeys(_REMEDIES[kind] for kind in kinds if kind in _REMEDIES)
    return (*_about_required(record), *causes)


def _about_required(record: Record) -> Iterator[str]:
    """Yield what to do about settings that the policy names and that no row, or none with figures, is of."""
    states = {str(row.setting): row.state for row in record.settings}
    named = [name for name in record.policy.required if name not in QUANTIFIERS]
    asks = f"the policy '{record.policy.name}' requires"
    missing = [name for name in named if name not in states]
    if missing:
        options = " ".join(f"--setting {name}" for name in missing)
        yield f"Add {options}: {asks} what was not among the verified settings."
    absent = [name for name in named if states.get(name) is RowState.NOT_APPLICABLE]
    if absent:
        yield f"Take {', '.join(absent)} out of `required`: {asks} what does not exist for this model."
