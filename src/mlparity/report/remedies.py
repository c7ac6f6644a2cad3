"""What to do about a difference, by its cause: one sentence for each kind."""

from __future__ import annotations

from mlparity.core.words import Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.record import Record

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
    """Return what to do about each kind of cause of rows that do not pass, in the rows' order."""
    kinds = (
        cause.kind
        for row in record.settings
        if row.verdict is not Verdict.PASS and row.outputs
        for cause in (*row.causes, *((record.cause,) if not row.causes else ()))
    )
    return tuple(dict.fromkeys(_REMEDIES[kind] for kind in kinds if kind in _REMEDIES))
