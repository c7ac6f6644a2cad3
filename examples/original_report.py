"""The report that mlparity began with, run again on this machine, and the page docs/original-report.md from that run.

Source: https://github.com/apple/coremltools/issues/2344. The weights of the report are not public: this is the same
architecture, timm's `tf_efficientnetv2_s` with 2 classes, calibrated on photos as the tests do. After `make models`:

    python -m examples.original_report docs/original-report.md out/original-report

writes the page, and both reports into the folder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from mlparity import api
from mlparity.core.numbers import format_number
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.causes import cause_sentence
from mlparity.report.decision import recommendation_text
from tests.models.zoo import MODELS

FILE = ("neuralnetwork/*", "litert/fp32")
"""The file of the report, as far as it can be known, and LiteRT beside it, as in the report."""

PROGRAMS = ("fp32/*", "fp16/*")
"""What coremltools makes today."""

REPORTED = """\
| run | largest | mean | smallest |
| --- | --- | --- | --- |
| LiteRT | about 1e-7 | | |
| Core ML, compute units by default | 0.012 | 0.0029 | |
| Core ML, `CPU_ONLY` | 3.2e-7 | 5.7e-8 | 0.0 |
"""

PAGE = """\
# The report that started this

A user converted a PyTorch image classifier with two classes, an EfficientNetV2, to LiteRT and to Core ML, and \
compared the outputs with those of PyTorch \
([apple/coremltools#2344](https://github.com/apple/coremltools/issues/2344)). \
LiteRT agreed. Core ML did not, until it was loaded with `CPU_ONLY`:

{reported}
The report does not say why. `python -m examples.original_report docs/original-report.md out/original-report` runs the \
case again and writes this page: timm's `tf_efficientnetv2_s` with 2 classes and {samples} samples of real photos. \
The weights of the report are not public; here they are random ones, \
calibrated on photos, with a head that was trained on them.

## Here

Differences from PyTorch in logits, whose scale is {scale}: absolute ones, and the largest as a part of that scale. A \
range is over the plausible \
arithmetics of the compute units; the row is judged by its worst end.

{table}

## What explains each figure

**One file, exact on the CPU and off elsewhere.** An ML Program declares a type for each value. In fp32 it is fp32 on \
every unit; in fp16 it is fp16 on the CPU too, and its weights alone cost more than 3.2e-7. Neither gives what was \
reported. A neural network, the older form of a Core ML model (`.mlmodel`), does: it declares no types, so the CPU \
computes it in fp32, and GPU and Neural Engine compute it in fp16 \
([typed execution](https://apple.github.io/coremltools/docs-guides/source/typed-execution.html)). mlparity says of it:

> Cause: {cause}
>
> Recommended: {recommended}

**The CPU's 3.2e-7 and LiteRT's 1e-7** are the rounding of fp32: sums in another order. `neuralnetwork/CPU_ONLY`, \
`fp32/*` and `litert/fp32` show it here.

**0.012 and 0.0029** are of the size that fp16 gives. `neuralnetwork/ALL`, `/CPU_AND_GPU` and `/CPU_AND_NE` show it \
here, and so does every fp16 ML Program. `neuralnetwork/CPU_AND_GPU` comes closest to the report's figures.

**Between GPU and Neural Engine** lies a factor of fifty. By default Core ML's GPU sums fp16 products in fp32, so \
that only what is stored between ops is rounded \
([16-bit](https://github.com/hollance/neural-engine/blob/master/docs/16-bit.md)); \
`allowLowPrecisionAccumulationOnGPU`, which is off by default, lets it sum in fp16. Ours follows both, and stays \
within {gpu} of the scale on the GPU. No figure of a unit is fitted to the report.

## What cannot be known

- The report does not state the form of its file. A neural network fits all of its figures, and no ML Program does; \
but nobody has shown us that file.
- It does not state the weights, the inputs, their preprocessing or the scale of its outputs. How far fp16 is off \
depends on all of them, so that figures can agree in size alone.
- It does not state the device. The figures of GPU and Neural Engine above are emulated: see [numerics](numerics.md).

## What to do

Load the network with `CPU_ONLY`, or convert to an ML Program in fp32, which is fp32 on the GPU too. A network is \
worth having where an app still runs on iOS 13 or 14, or where a file was made by a tool that knows no other form; \
`mlparity verify --setting 'neuralnetwork/*'` shows what it costs, and `--artifact model.mlmodel` verifies one \
that you were given.
"""


def rows_of(record: Record) -> Iterator[str]:
    """Yield a line of the table for each setting that was compared."""
    for row in record.settings:
        if row.state is RowState.COMPARED:
            (output,) = row.outputs
            figures = (_span(row, "max_abs"), _span(row, "mean_abs"), _span(row, "max_abs", output.scale))
            yield f"| `{row.setting}` | {row.provenance} | {' | '.join(figures)} | {row.verdict} |"


def _span(row: SettingResult, metric: str, unit: float = 1.0) -> str:
    """Return a figure in a unit, as a range where the row has one."""
    (output,) = row.outputs
    spans = {} if row.envelope is None else row.envelope.spans.get(output.output, {})
    span, value = spans.get(metric), output.figures[metric]
    ends = [value] if span is None else [span.low, span.high]
    return " to ".join(dict.fromkeys("–" if end is None else format_number(end / unit) for end in ends))


def page_of(file: Record, programs: Record) -> str:
    """Return the page: the report's table beside ours."""
    head = (
        "| setting | provenance | largest | mean | largest, of the scale | verdict |",
        "| --- | --- | --- | --- | --- | --- |",
    )
    (output,) = next(row.outputs for row in file.settings if row.outputs)
    return PAGE.format(
        reported=REPORTED,
        samples=file.samples.count,
        scale=format_number(output.scale, 3),
        table="\n".join((*head, *rows_of(file), *rows_of(programs))),
        gpu=_span(_row(file, "neuralnetwork/CPU_AND_GPU"), "max_abs", output.scale).split()[-1],
        cause=f"{file.cause.kind}. {cause_sentence(file)}",
        recommended=recommendation_text(file),
    )


def _row(record: Record, setting: str) -> SettingResult:
    return next(row for row in record.settings if str(row.setting) == setting)


def verified(settings: tuple[str, ...], out: Path, limit: int | None = None) -> Record:
    """Verify the network in these settings, on its photos."""
    model = next(model for model in MODELS if model.factory == "efficientnetv2_s")
    options = api.VerifyOptions(settings=api.settings_from(settings), limit=limit)
    return api.verify(model.source, out, model.inputs, options=options)


def main() -> None:
    """Run both verifications and write the page."""
    page, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    file, programs = verified(FILE, folder / "file"), verified(PROGRAMS, folder / "programs")
    page.write_text(page_of(file, programs), encoding="utf-8")


if __name__ == "__main__":
    main()
