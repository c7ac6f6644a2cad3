"""Takes one route to Core ML from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.export import ExportedProgram

from mlparity.core.errors import ConversionError
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.core.words import Precision
from mlparity.targets.coreml.buffer_names import name_states
from mlparity.targets.coreml.failure import demanded_target, failure_of
from mlparity.targets.coreml.features import input_types, output_types
from mlparity.targets.coreml.form import CoremlForm, coreml_form
from mlparity.targets.coreml.frontends import Loaded, exported, recorded_run, traced, writes_into_parts
from mlparity.targets.coreml.masks import with_finite_masks
from mlparity.targets.coreml.options import CoremlOptions, Format, Frontend
from mlparity.targets.coreml.precision import compute_precision
from mlparity.targets.exported.ops import can_decompose, decompose_lacking

_DECOMPOSED_AT_MOST = 8
"""How many ops, one after the other, are decomposed because their lowering fails; each costs a conversion."""

_INEXACT_PASSES = frozenset({"common::fuse_elementwise_to_batchnorm"})
"""Passes that change the result: this one makes `x * a + b` a norm of variance 1, whose epsilon takes 5e-6 off."""


class DoubtfulTraceError(Exception):
    """A trace converts, and may compute something else than the module; other routes are tried first."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A model of coremltools and the deployment target that it was made for."""

    model: Any
    target: str


@dataclass(frozen=True, slots=True)
class Job:
    """What every route of one conversion shares; `floating` tells of each output whether it holds floats."""

    source: Source
    sample: Sample
    options: CoremlOptions
    coremltools: Any
    floating: tuple[bool, ...]

    @classmethod
    def of(cls, source: Source, sample: Sample, options: CoremlOptions, coremltools: Any) -> Job:
        """Run the source once to learn the types of its outputs."""
        form = coreml_form(source, sample, options.eval_mode)
        with torch.no_grad():
            floating = tuple(result.is_floating_point() for result in form(*_examples(form, sample)))
        return cls(source, sample, options, coremltools, floating)

    def by(self, frontend: Frontend, *, doubtful: bool) -> Converted:
        """Convert by one route; what fails raises what PyTorch or coremltools raises.

        Raises:
            DoubtfulTraceError: a trace that coremltools may get wrong, unless `doubtful` allows it.
        """
        # A new form each time: a route that fails may leave what it computed in the module.
        form = coreml_form(self.source, self.sample, self.options.eval_mode)
        examples = _examples(form, self.sample)
        if frontend is Frontend.TRACE:
            script = traced(form, examples)
            if not doubtful and writes_into_parts(script):
                raise DoubtfulTraceError("the trace writes into parts of tensors: tried last")
            return self._on_lowest_target(form, script)
        record = frontend is Frontend.RUN
        program = recorded_run(form, examples) if record else exported(form, examples, self.options.flexible)
        if frontend is Frontend.EXPORT:
            return self._on_lowest_target(form, program)
        return self._decomposed(form, program)

    def _decomposed(self, form: CoremlForm, program: ExportedProgram) -> Converted:
        """Convert a program whose ops are decomposed where coremltools has no lowering, or one that fails."""
        for _ in range(_DECOMPOSED_AT_MOST):
            program = decompose_lacking(program)
            try:
                return self._on_lowest_target(form, program)
            except Exception as error:  # any type: what counts is the op at which it was raised
                failed = failure_of("", error).op
                if not can_decompose(program, failed):
                    raise
                program = decompose_lacking(program, frozenset({failed}))
        return self._on_lowest_target(form, program)

    def _on_lowest_target(self, form: CoremlForm, loaded: Loaded) -> Converted:
        """Convert for the chosen target; where none was chosen, for the lowest, or the one that its failure demands."""
        asked = self.options.deployment_target
        target = None if asked is None else _target(self.coremltools, asked, self.options.format)
        lowest = self.options.format.lowest_target
        if target is not None or lowest is None:
            return self._on(target, form, loaded)
        try:
            return self._on(lowest, form, loaded)
        except Exception as error:  # any type: what counts is whether it names a newer target
            newer = demanded_target(error)
            if newer is None or newer == lowest:
                raise
        return self._on(newer, form, loaded)

    def _on(self, target: str | None, form: CoremlForm, loaded: Loaded) -> Converted:
        """Convert for a target; for None coremltools takes the lowest that has every layer."""
        ct = self.coremltools
        if isinstance(loaded, ExportedProgram):
            name_states(loaded)
        model = ct.convert(
            loaded,
            source="pytorch",
            convert_to=self.options.format.convert_to,
            inputs=input_types(ct, form.forms, self.options),
            outputs=output_types(ct, self.source.output_names, self.floating),
            minimum_deployment_target=None if target is None else ct.target[target],
            compute_precision=compute_precision(ct, self.options),
            pass_pipeline=_pipeline(ct, self.options),
            skip_model_load=True,
        )
        return Converted(model, _needed(ct, model) if target is None else target)


def _examples(form: CoremlForm, sample: Sample) -> tuple[torch.Tensor, ...]:
    return tuple(input_form.example(sample[input_form.name]) for input_form in form.forms)


def _pipeline(coremltools: Any, options: CoremlOptions) -> Any:
    pipeline = coremltools.PassPipeline.DEFAULT
    pipeline.remove_passes(_INEXACT_PASSES)
    return with_finite_masks(pipeline) if options.precision is Precision.FP16 else pipeline


def _needed(coremltools: Any, model: Any) -> str:
    """Return the target that a model's specification version stands for."""
    version = model.get_spec().specificationVersion
    return next(str(name) for name, target in coremltools.target.__members__.items() if int(target) == version)


def _target(coremltools: Any, name: str, made: Format) -> str | None:
    """Return the target to convert for, None where any will do: a network for an old one runs on newer ones too."""
    targets = coremltools.target.__members__
    known = [known for known, target in targets.items() if int(target) in made.specifications]
    if name in known:
        return name
    if name in targets and int(targets[name]) > max(made.specifications):
        return None
    raise ConversionError(
        f"unknown deployment target {name!r}", expected=", ".join(known), next_step="use one of these names"
    )
