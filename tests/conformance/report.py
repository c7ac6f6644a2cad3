"""All results together, as docs/conformance.md."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.conformance.ledger import LEDGER, Entry, explanation
from tests.conformance.results import BAD, RESULTS, Outcome, Part, Result, read_results, recorded_parts
from tests.conformance.subject import NETWORK, PROGRAM, Subject

_DOCS = Path(__file__).parents[2] / "docs"

_PAGES = {PROGRAM: _DOCS / "conformance.md", NETWORK: _DOCS / "conformance-networks.md"}

_HEADS = {
    PROGRAM: """# coremltools' own tests on our engine

coremltools 9.0 ships tests that convert a model and compare Core ML's prediction with PyTorch's or numpy's; off macOS
they skip the comparison. Here they make it, with the engine instead of Core ML (`tests/conformance/apple.py`), in
fp16 and, with INCLUDE_MIL_FP32_UNIT_TESTS, in fp32. A test reaches prediction if it calls `predict` at least once.

Made by `make conformance`, or `make conformance SHARD=3/16` for a part: a hash of its name puts a test into one part,
so that each part is an even sample of all files. Results add up over runs. [Neural networks](conformance-networks.md)
have a page of their own.
""",
    NETWORK: """# coremltools' own tests on our engine: neural networks

The tests of [the other page](conformance.md) that convert to a neural network too, and those of the format itself: they
compare with PyTorch, with numpy, or with numbers that they state. Here the engine predicts, in plain fp32 on every unit
(`enable_coremltools(chip=None)`). A test reaches prediction if it calls `predict` at least once.

Made by `PYMIL_TEST_TARGETS=neuralnetwork make conformance`, or with `SHARD=3/16` for a part: a hash of its name puts a
test into one part, so that each part is an even sample of all files. Results add up over runs.
""",
}


def write_report() -> Path:
    """Write the page of what is tested from all its results, and return where it is."""
    target = Subject.from_environment().target
    folder = RESULTS.with_name(Subject(target).folder)
    results = read_results(folder)
    texts = [page(list(results.values()), recorded_parts(folder), target)]
    if target == NETWORK:
        texts += [_emulated(results, units) for units in _UNITS]
    _PAGES[target].write_text("\n".join(texts), encoding="utf-8")
    return _PAGES[target]


_UNITS = ("ALL",)
"""The compute units as which networks are run beside."""


def page(results: Sequence[Result], parts: Sequence[Part], target: str = PROGRAM) -> str:
    """Return the text of a page for a format."""
    return "\n".join([_HEADS[target], _coverage(results, parts), _summary(results), _files(results), _ledger(results)])


def _emulated(plain: Mapping[str, Result], units: str) -> str:
    """Return what the arithmetic of some units does to tests that pass in plain arithmetic."""
    found = read_results(RESULTS.with_name(Subject(NETWORK, units).folder))
    reached = [each for each in found.values() if each.predictions > 0 and _passed(plain.get(each.test))]
    bad = [each for each in reached if each.outcome in BAD]
    beyond = [each for each in bad if _TOLERANCE.search(each.reason)]
    return _EMULATED.format(
        units=units,
        count=len(reached),
        passed=len(reached) - len(bad),
        rate=f"{1 - len(bad) / len(reached):.1%}" if reached else "none",
        tolerance=len(beyond),
        others=len(bad) - len(beyond),
    )


def _passed(result: Result | None) -> bool:
    return result is not None and result.outcome is Outcome.PASSED


_TOLERANCE = re.compile(r"Not equal to tolerance|not almost equal")

_EMULATED = """## In the emulated arithmetic of `{units}`

The tests compare at fp32's tolerances, which fp16 cannot hold: what fails here says how far a network on GPU and Neural
Engine is from the same network on the CPU. Of {count:,} tests that pass in plain fp32 and were run once more as
`{units}` (`CONFORMANCE_UNITS={units}`), {passed:,} pass ({rate}); {tolerance:,} are beyond the tolerance, and
{others:,} fail in another way, such as an index or a count that differs.
"""


def _coverage(results: Sequence[Result], parts: Sequence[Part]) -> str:
    shards = ", ".join(map(str, sorted(parts, key=lambda each: (each.count, each.number))))
    share = covered(parts)
    return (
        f"## What ran\n\nThe shards {shards or '(none)'}, about {share:.0%} of all tests, and others singly: "
        f"{len(results):,} tests. "
        "What is below says nothing of the rest.\n"
        if share < 1
        else f"## What ran\n\nAll: {len(results):,} tests.\n"
    )


def covered(parts: Iterable[Part]) -> float:
    """Return the share of all tests that the parts hold together, as if parts of different counts were independent."""
    by_count: dict[int, set[int]] = defaultdict(set)
    for each in parts:
        by_count[each.count].add(each.number)
    left = 1.0
    for count, numbers in by_count.items():
        left *= 1 - len(numbers) / count
    return 1 - left


def _summary(results: Sequence[Result]) -> str:
    rows = [_rates(name, [each for each in results if word in each.test]) for name, word in _PRECISIONS]
    rows.append(_rates("all", results))
    rows.append(_rates("all but what the ledger explains", [each for each in results if not _is_explained(each)]))
    return "\n".join(
        ["| | reached prediction | passed | pass rate | failed |", "| --- | --- | --- | --- | --- |", *rows, ""]
    )


def _is_explained(result: Result) -> bool:
    return result.outcome in BAD and explanation(result) is not None


_PRECISIONS = (("named fp16", "'fp16'"), ("named fp32", "'fp32'"))


def _rates(name: str, results: Sequence[Result]) -> str:
    reached = [each for each in results if each.predictions > 0]
    bad = [each for each in reached if each.outcome in BAD]
    rate = f"{1 - len(bad) / len(reached):.2%}" if reached else "none reached"
    return f"| {name} | {len(reached):,} | {len(reached) - len(bad):,} | {rate} | {len(bad):,} |"


def _files(results: Sequence[Result]) -> str:
    files: Mapping[str, list[Result]] = defaultdict(list)
    for each in results:
        files[each.file].append(each)
    rows = [_file_row(name, files[name]) for name in sorted(files)]
    head = [
        "## By file\n",
        "| file | ran | skipped or expected to fail | reached prediction | passed of these | failed |",
    ]
    return "\n".join([*head, "| --- | --- | --- | --- | --- | --- |", *rows, ""])


def _file_row(name: str, results: Sequence[Result]) -> str:
    counts = Counter(each.outcome for each in results)
    reached = [each for each in results if each.predictions > 0]
    passed = sum(each.outcome not in BAD for each in reached)
    aside = counts[Outcome.SKIPPED] + counts[Outcome.XFAILED]
    bad = sum(counts[each] for each in BAD)
    return f"| {name} | {len(results)} | {aside} | {len(reached)} | {passed} | {bad} |"


def _ledger(results: Sequence[Result]) -> str:
    found: dict[Entry | None, list[Result]] = defaultdict(list)
    for each in results:
        if each.outcome in BAD:
            found[explanation(each)].append(each)
    texts = ["## The ledger of failures\n"]
    for entry in (*LEDGER, None):
        if found[entry]:
            texts.append(_entry(entry, found[entry]))
    return "\n".join(texts) if len(texts) > 1 else texts[0] + "\nNothing failed.\n"


def _entry(entry: Entry | None, results: Sequence[Result]) -> str:
    reached = sum(each.predictions > 0 for each in results)
    head = "Not explained yet" if entry is None else f"{entry.fault[0].upper()}{entry.fault[1:]}"
    shown = results if entry is None else results[:1]
    examples = [f"- `{each.test}`: {each.outcome}: {_inline(each.reason)}" for each in shown]
    why = "" if entry is None else f"\n{entry.why}\n"
    return "\n".join([f"### {head}: {len(results)} tests, {reached} of them at prediction", why, *examples, ""])


def _inline(text: str) -> str:
    """Return a reason on one line, without the folders of the machine that it is from."""
    return " ".join(_FOLDERS.sub("", text).replace("|", "/").split())[:300]


_FOLDERS = re.compile(r"(?<![\w./])/(?:[\w.+-]+/)+")
