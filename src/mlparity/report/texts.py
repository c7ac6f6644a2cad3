"""Single values of a record as text, and the words that explain provenances."""

from __future__ import annotations

from mlparity.core.numbers import format_cosine, format_count, format_number
from mlparity.core.words import Provenance
from mlparity.record.decision import Candidate
from mlparity.record.figures import Flips, TaskFigure
from mlparity.record.policy import Limit, OutputTask, Policy, TaskKind
from mlparity.record.record import Noise
from mlparity.record.rows import SettingResult

PROVENANCES = (
    (Provenance.MEASURED, "by a real runtime: on an Apple device, or by LiteRT or another runtime on this machine"),
    (Provenance.COMPUTED, "by mlparity's engine in reference arithmetic: what the graph says, not what a device does"),
    (
        Provenance.EMULATED,
        "by mlparity's engine in each plausible arithmetic of the compute units: a range, and how sure it is",
    ),
    (Provenance.ESTIMATED, "from a model of a processor's speed: good for an order of settings, not for a time"),
)
"""What each provenance means."""


def one_line(text: str) -> str:
    """Return a text of several lines, such as an error, on one."""
    return "; ".join(filter(None, map(str.strip, text.splitlines())))


def flips_text(flips: Flips | None) -> str:
    """Return `0 of 24`, or a dash where there are no class scores."""
    return "–" if flips is None else f"{format_count(flips.flipped)} of {format_count(flips.samples)}"


def flips_sentence(flips: Flips, task: OutputTask | None = None) -> str:
    """Return the interval and the margins of a flip count, and what is certain of it."""
    is_threshold = task is not None and task.kind is TaskKind.THRESHOLD
    what = f"decisions at {format_number(task.threshold, 4)}" if is_threshold and task is not None else "top classes"
    rate = f"{_percent(flips.rate_low)} to {_percent(flips.rate_high)} with 95% confidence"
    margin = f"smallest margin of the source {format_number(flips.smallest_margin)}"
    sentence = f"{flips_text(flips)} {what} changed ({rate}); {margin}"
    if flips.flipped_margin is not None:
        sentence += f", largest among the flipped {format_number(flips.flipped_margin)}"
    guess = " It was guessed from the shape that these are class scores." if task is not None and task.guessed else ""
    return f"{sentence}.{_certainty(flips)}{guess}"


def _certainty(flips: Flips) -> str:
    if flips.certified is None:
        return ""
    if flips.certified == flips.samples:
        return (
            " No change of this size can flip a decision on these samples, in whatever direction:"
            f" it uses at most {_percent(flips.margin_consumed or 0.0)} of a margin."
        )
    return (
        f" {format_count(flips.certified)} of {format_count(flips.samples)} decisions cannot flip by a change of this"
        " size, in whatever direction."
    )


def task_figure_text(figure: TaskFigure, policy: Policy) -> str:
    """Return what the user's own metric gave, beside its budget."""
    metric = next((known for known in policy.metrics if known.name == figure.metric), None)
    skipped = f", {format_count(figure.skipped)} without a value" if figure.skipped else ""
    words = f"{figure.metric}: mean {format_number(figure.mean, 3)}, worst {format_number(figure.worst, 3)}"
    where = f" ({figure.worst_sample})" if figure.worst_sample else ""
    budget = "; ".join(
        limit_text(limit).replace(".", " ", 1)
        for limit in ((metric.mean, metric.worst) if metric is not None else ())
        if limit is not None
    )
    return f"{words}{where} over {format_count(figure.samples)} samples{skipped}" + (f"; {budget}" if budget else "")


def speed_text(candidate: Candidate) -> str:
    """Return a speed as `1 (estimated)` or `1 (2.3 ms, measured)`; an estimate has no time."""
    speed = candidate.speed
    if speed is None:
        return "–"
    time = "" if speed.latency is None else f"{format_number(speed.latency.median_ms)} ms, "
    return f"{speed.rank} ({time}{speed.provenance})"


def task_text(task: OutputTask) -> str:
    """Return a task as `mask: mask along axis 1`."""
    parts = (
        ("along axis", task.axis),
        ("at", task.threshold),
        ("with k", task.k if task.kind in (TaskKind.CLASSES, TaskKind.RETRIEVAL) else None),
    )
    words = " ".join(f"{word} {value:g}" for word, value in parts if value is not None)
    return f"{task.output}: {task.kind} {words}".strip()


def certainty_text(result: SettingResult) -> str:
    """Return `assumed, 5 variants` of an emulated setting, nothing of another."""
    if result.envelope is None:
        return ""
    count = len(result.envelope.runs)
    return f"{result.envelope.confidence}, {count} {'variant' if count == 1 else 'variants'}"


def figure_text(name: str, value: float | None) -> str:
    """Return a figure by the metric's name, as the full tables show it."""
    if name == "cosine":
        return format_cosine(value)
    if name.endswith(("_count", "_positions")) or name == "flips":
        return format_count(value)
    return format_number(value, 4 if name.endswith("_db") else 3)


def limit_text(limit: Limit) -> str:
    """Return a limit as `max_abs at most 1.0e-04 of the output's scale`."""
    of_scale = " of the output's scale" if limit.of_scale else ""
    bounds = (("at most", limit.at_most), ("at least", limit.at_least))
    words = " and ".join(f"{word} {_bound(bound)}{of_scale}" for word, bound in bounds if bound is not None)
    of_output = f"{limit.output}: " if limit.output else ""
    return f"{of_output}{limit.metric} {words}"


def _bound(value: float) -> str:
    return "0" if value == 0 else format_number(value)


def noise_text(policy: Policy) -> str:
    """Return what the source's own noise excuses."""
    return (
        f"a difference within {format_number(policy.noise_factor)} times the source's own noise passes,"
        f" up to {format_number(policy.noise_cap)} of the output's scale"
    )


def noise_of_text(noise: Noise) -> str:
    """Return the source's own noise in one output, or that it is unknown and why."""
    scale = format_number(noise.scale, 3)
    if noise.is_known:
        taken = "" if noise.samples is None else f", over {noise.samples} of the samples"
        return f"max {format_number(noise.max_abs)}, mean {format_number(noise.mean_abs)} on scale {scale}{taken}"
    most = "" if noise.most is None else f", above {format_number(noise.most)}, the most that fp32 makes here (assumed)"
    return (
        f"unknown: the source in fp32 and in fp64 differ by {format_number(noise.max_abs)} on scale {scale}{most};"
        " it excuses nothing"
    )


def required_text(policy: Policy) -> str:
    """Return which settings must pass, as a sentence."""
    sentences: dict[tuple[str, ...], str] = {
        ("any",): "One passing Core ML setting is enough (any setting where Core ML was not asked for).",
        ("all",): "Every setting that Core ML allows must pass.",
    }
    return sentences.get(policy.required, f"Must pass: {', '.join(policy.required)}.")


def size_text(size_bytes: int) -> str:
    """Return a size as `13.4 MiB`."""
    size, unit = float(size_bytes), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def seconds_text(seconds: float | None) -> str:
    """Return a duration as `31 ms` or `5.3 s`."""
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def share_text(share: float | None) -> str:
    """Return a part of a difference as `44%`, a dash where it is not known."""
    return "–" if share is None else f"{100 * share:.0f}%"


def _percent(rate: float) -> str:
    return f"{100 * rate:.3g}%"
