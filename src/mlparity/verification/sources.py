"""A source and its samples, as every command that compares opens them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from torch import nn

from mlparity.core.errors import InputError
from mlparity.core.progress import Progress
from mlparity.core.session import SampleSet
from mlparity.core.source import Source
from mlparity.core.steps import has_steps
from mlparity.samples.images import labels_of
from mlparity.samples.memory import Steps
from mlparity.sources.load import LoadedModule, flatten_source, load_module
from mlparity.sources.states import with_states
from mlparity.verification.lengths import with_lengths
from mlparity.verification.options import VerifyOptions
from mlparity.verification.pixels import taking_pixels, with_image_input
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
    if options.class_names and labels_of(samples) is None:
        raise InputError(
            "class names are for images that lie in one folder for each class",
            found=samples.description,
            expected="a folder of such folders",
            next_step="give --inputs FOLDER with FOLDER/CLASS/IMAGE, or leave out --class-names",
        )
    flat, samples = _flattened(loaded, samples, options)
    flat = with_lengths(flat, samples)
    tried = islice(samples, _TRIED if has_steps(samples) else 1)
    found = with_states(flat, [sample for _, sample in tried])
    if found.states and found.imaged is not None:
        raise InputError(
            "a source that keeps a state is converted with tensors as inputs",
            found=f"--image-input, and the state {found.states[0].buffer}",
            next_step="leave out --image-input",
        )
    return found, samples


def _flattened(loaded: LoadedModule, samples: SampleSet, options: VerifyOptions) -> tuple[Source, SampleSet]:
    """Return the source in its flat form and the samples, both with pixels where artifacts take images."""
    if options.image_input is None:
        loaded, samples = taking_pixels(loaded, samples, options.artifacts)
        return flatten_source(loaded, next(iter(samples))[1]), samples
    if options.artifacts:
        raise InputError(
            "an image input is made by a conversion, and artifacts are given",
            found=f"--image-input {options.image_input}, --artifact {options.artifacts[0]}",
            next_step="leave out one of the two: an artifact that takes images is given pixels as it is",
        )
    return with_image_input(loaded, samples, options.image_input)
