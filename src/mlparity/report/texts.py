"""Single values of a record as text, and the words that explain standings."""

from __future__ import annotations

from mlparity.core.numbers import format_cosine, format_count, format_number
from mlparity.core.record import Flips, Limit, Policy
from mlparity.core.words import Standing

STANDINGS = (
    (Standing.MEASURED, "by a real runtime: on an Apple device, or by LiteRT or another runtime on this machine"),
    (Standing.COMPUTED, "by mlparity's engine in reference arithmetic: what the graph says, not what a device does"),
    (Standing.EMULATED, "by mlparity's engine in the arithmetic of the compute unit, as far as that is known"),
)
"""What each standing means."""


def flips_text(flips: Flips | None) -> str:
    """Return `0 of 24`, or a dash where there are no class scores."""
    return "–" if flips is None else f"{format_count(flips.flipped)} of {format_count(flips.samples)}"


def flips_sentence(flips: Flips) -> str:
    """Return the interval and the margins of a flip count."""
    rate = f"{_percent(flips.rate_low)} to {_percent(flips.rate_high)} with 95% confidence"
    margin = f"smallest margin of the source {format_number(flips.smallest_margin)}"
    sentence = f"{flips_text(flips)} top classes changed ({rate}); {margin}"
    if flips.flipped_margin is None:
        return f"{sentence}."
    return f"{sentence}, largest among the flipped {format_number(flips.flipped_margin)}."


def figure_text(name: str, value: float | None) -> str:
    """Return a figure by the metric's name, as the full tables show it."""
    if name == "cosine":
        return format_cosine(value)
    if name.endswith("_count") or name == "flips":
        return format_count(value)
    return format_number(value, 4 if name.endswith("_db") else 3)


def limit_text(limit: Limit) -> str:
    """Return a limit as `max_abs at most 1.0e-04 of the output's scale`."""
    of_scale = " of the output's scale" if limit.of_scale else ""
    bounds = (("at most", limit.at_most), ("at least", limit.at_least))
    words = " and ".join(f"{word} {_bound(bound)}{of_scale}" for word, bound in bounds if bound is not None)
    return f"{limit.metric} {words}"


def _bound(value: float) -> str:
    return "0" if value == 0 else format_number(value)


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


def _percent(rate: float) -> str:
    return f"{100 * rate:.3g}%"
