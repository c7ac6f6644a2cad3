"""A source and its samples, as every command that compares opens them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from torch import nn

from mlparity.core.progress import Progress
from mlparity.core.session import SampleSet
from mlparity.core.source import Source
from mlparity.core.steps import has_steps
from mlparity.samples.memory import Steps
from mlparity.sources.load import flatten_source, load_module
from mlparity.sources.states import with_states
from mlparity.verification.lengths import with_lengths
from mlparity.verification.options import VerifyOptions
from mlparity.verification.pixels import taking_pixels
from mlparity.verification.samples import choose_samples

_TRIED = 3
"""On how many steps is looked for buffers that the source writes; of samples without steps on one (assumed)."""

Inputs = str | SampleSet | Sequence[Steps] | None
"""A folder, a file, a `module:function`, a set of samples, a list of them (each a mapping, or a list of steps), or None
for random ones."""


def open_source(
    source: str | nn.Module, inputs: Inputs, options: VerifyOptions, progress: Progress
) -> tuple[Source, SampleSet]:
    """Load `source` and its samples, and give the source its flat form with the first of them.

    Raises:
        MlparityError: either cannot be used.
    """
    loaded = load_module(source, eval_mode=options.eval_mode, trust=options.trust)
    samples = choose_samples(
        inputs,
        loaded.inputs.required if len(loaded.inputs.required) == 1 else loaded.inputs.names,
        preprocess=options.preprocess,
        shapes=options.shapes,
        example=loaded.example,
        limit=options.limit,
        seed=options.seed,
        progress=progress,
    )
    loaded, samples = taking_pixels(loaded, samples, options.artifacts)
    flat = with_lengths(flatten_source(loaded, next(iter(samples))[1]), samples)
    tried = islice(samples, _TRIED if has_steps(samples) else 1)
    return with_states(flat, [sample for _, sample in tried]), samples
