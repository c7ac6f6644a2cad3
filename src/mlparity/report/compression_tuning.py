"""What tuning of compression found: a table of sizes and figures, sentences, and the curve of both as a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from markupsafe import escape

from mlparity.core.numbers import format_number
from mlparity.core.words import Verdict
from mlparity.record.compression_tuning import CompressionTuning, SizedFigures
from mlparity.report.plain_table import Rows
from mlparity.report.texts import size_text

_HEADS = ("weights", "size", "of fp16", "searched", "figures", "verified", "figures there")


def tried_of(found: CompressionTuning) -> tuple[SizedFigures, ...]:
    """Return what was tried, the largest first; the plain package leads."""
    return (found.plain, *sorted((*found.uniform, *found.mixed), key=lambda each: -each.size_bytes))


def sizes_table(found: CompressionTuning) -> Rows:
    """Return the table of what was tried; a star marks what was kept."""
    table = Rows(padding=(0, 1), collapse_padding=True, expendable=())
    for head in _HEADS:
        table.add_column(head, justify="right" if head in ("size", "of fp16") else "left", overflow="fold")
    for each in tried_of(found):
        table.add_row(*_cells(each, found))
    return table


def _cells(tried: SizedFigures, found: CompressionTuning) -> tuple[str, ...]:
    return (
        f"{tried.name} *" if _is_kept(tried, found) else tried.name,
        size_text(tried.size_bytes),
        f"{tried.size_bytes / found.plain.size_bytes:.1%}",
        str(tried.searched),
        _figures(tried.searched_figures),
        "" if tried.verified is None else str(tried.verified),
        _figures(tried.verified_figures or {}),
    )


def _is_kept(tried: SizedFigures, found: CompressionTuning) -> bool:
    return found.best is not None and tried.name == found.best.name


def _figures(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {format_number(value, 4)}" for name, value in figures.items())


def compression_tuning_text(found: CompressionTuning) -> str:
    """Return what was found, and how it stands to the best package with all weights stored alike."""
    if found.best is None:
        failing = found.plain.searched is not Verdict.PASS
        return _NO_POLICY if failing else "No smaller package passes the policy on both halves of the samples."
    kept = found.best
    smaller = 1 - kept.size_bytes / found.plain.size_bytes
    return (
        f"{kept.name} passes with {size_text(kept.size_bytes)}, {smaller:.1%} less than fp16; {_beside(kept, found)}."
    )


_NO_POLICY = "Plain fp16 does not pass the policy itself, so nothing was searched for: `mlparity verify` says why."


def _beside(kept: SizedFigures, found: CompressionTuning) -> str:
    alike = min((each for each in found.uniform if each.passes), key=lambda each: each.size_bytes, default=None)
    if alike is None:
        return "none with all weights stored alike does"
    if alike.name == kept.name:
        return "all weights are stored alike in it"
    than = 1 - kept.size_bytes / alike.size_bytes
    return (
        f"the smallest with all weights stored alike, {alike.name}, has {size_text(alike.size_bytes)}:"
        f" it is {than:.1%} smaller than that"
    )


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body{{font:15px system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}}
table{{border-collapse:collapse}} td,th{{padding:.2rem .6rem;border-bottom:1px solid #ccc;text-align:left}}
svg{{width:100%;height:auto}}
</style>
<h1>{title}</h1><p>{text}</p>
{curves}
<h2>What was tried</h2><table>{tried}</table>
<h2>How each weight is stored</h2><table>{layers}</table>
</html>
"""


def compression_page(found: CompressionTuning) -> str:
    """Return the page: the curve of size against each figure that the policy limits, what was tried, and the layers."""
    names = dict.fromkeys(name for each in tried_of(found) for name in each.searched_figures)
    layers = (
        (each.name, f"{each.elements:,}", each.compression, size_text(each.size_bytes), format_number(each.damage))
        for each in sorted(found.layers, key=lambda each: -each.elements)
    )
    return _PAGE.format(
        title=f"Compression under the policy {escape(found.policy)}",
        text=escape(compression_tuning_text(found)),
        curves="".join(_curve(found, name) for name in names),
        tried=_rows(_HEADS, (_cells(each, found) for each in tried_of(found))),
        layers=_rows(("weight", "elements", "stored as", "size", "expected damage"), layers),
    )


def _rows(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    return _row(heads, "th") + "".join(_row(row) for row in rows)


def _row(cells: Iterable[str], tag: str = "td") -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


_WIDE, _HIGH, _EDGE = 640, 260, 40


def _curve(found: CompressionTuning, name: str) -> str:
    """Return the drawing of one figure: sizes to the right, the figure upwards."""
    known = ((each, each.searched_figures.get(name)) for each in tried_of(found))
    points = [(each, value) for each, value in known if value is not None and math.isfinite(value)]
    if not points:
        return ""
    low, high = (end(value for _, value in points) for end in (min, max))
    largest = max(each.size_bytes for each, _ in points)
    dots = "".join(
        _dot(each, (each.size_bytes / largest, (value - low) / ((high - low) or 1.0)), found) for each, value in points
    )
    label = escape(name)
    return (
        f'<h2>Size against {label}</h2><svg viewBox="0 0 {_WIDE} {_HIGH}" role="img"><title>{label}</title>'
        f'<text x="4" y="14">{format_number(high, 4)}</text><text x="4" y="{_HIGH - 26}">{format_number(low, 4)}</text>'
        f'<text x="{_EDGE}" y="{_HIGH - 6}">0</text>'
        f'<text x="{_WIDE - 70}" y="{_HIGH - 6}">{size_text(largest)}</text>{dots}</svg>'
    )


def _dot(tried: SizedFigures, at: tuple[float, float], found: CompressionTuning) -> str:
    x = _EDGE + at[0] * (_WIDE - 2 * _EDGE)
    y = _HIGH - _EDGE - at[1] * (_HIGH - 2 * _EDGE)
    kind = "#06c" if tried.name.startswith("mixed") else "#777"
    ring = ' stroke="#090" stroke-width="3"' if _is_kept(tried, found) else ""
    label = escape(f"{tried.name}, {size_text(tried.size_bytes)}: {_figures(tried.searched_figures)}")
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{kind}"{ring}><title>{label}</title></circle>'
