"""The page docs/ecosystem.md, from the results of all projects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.ecosystem.projects import PROJECTS, Project
from benchmarks.ecosystem.running import OURS, Result

_SHOWN = ("torch", "coremltools")
_HEAD = """# Other people's projects on the engine

`make ecosystem` installs each of these projects in an environment of its own, from a package index, and runs its tests,
or checks of ours where it has none, under `mlparity exec --pretend-macos`: their code is unchanged, and believes that
it runs on macOS. This page is written by that job; logs stay in `build/ecosystem`.

A failure counts as ours, unless the same test fails with the same message without mlparity, or its cause is named here
with a source. Tests that a project skips by itself count as skipped.
"""


def page(results: Sequence[Result]) -> str:
    """Return the page; projects without a result are told as not run."""
    return "\n".join(_lines({result.name: result for result in results})).rstrip() + "\n"


def _lines(results: dict[str, Result]) -> Iterator[str]:
    yield _HEAD
    ran = [result for result in results.values() if not result.trouble and result.passed > len(result.failures)]
    clean = [result for result in ran if not any(failure.fault == OURS for failure in result.failures)]
    ends = "ran and passed more tests than failed"
    yield f"{len(ran)} of {len(PROJECTS)} projects {ends}, {len(clean)} of them without a failure that is ours."
    yield ""
    yield "| project | versions | passed | failed: ours | failed: others | skipped | what is equal to what |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for project in PROJECTS:
        yield _row(project, results.get(project.name))
    yield ""
    for project in PROJECTS:
        yield from _more(project, results.get(project.name))


def _row(project: Project, result: Result | None) -> str:
    if result is None or result.trouble:
        state = "not run" if result is None else "could not be obtained or did not run"
        return f"| {project.name} | | {state} | | | | {project.equals} |"
    ours = sum(failure.fault == OURS for failure in result.failures)
    others = len(result.failures) - ours
    versions = ", ".join(_versions(project, result))
    return (
        f"| {project.name} | {versions} | {result.passed} | {ours} | {others} | {result.skipped} | {project.equals} |"
    )


def _versions(project: Project, result: Result) -> Iterator[str]:
    asked = [each.partition("==")[0].partition("[")[0].lower() for each in (*project.alone, *project.packages[:1])]
    for name in dict.fromkeys((*asked[:1], *_SHOWN)):
        if name in result.versions:
            yield f"{name} {result.versions[name]}"


def _more(project: Project, result: Result | None) -> Iterator[str]:
    if not project.remark and (result is None or not (result.failures or result.trouble)):
        return
    yield f"## {project.name}"
    yield ""
    if project.remark:
        yield f"{project.remark[0].upper()}{project.remark[1:]}."
        yield ""
    if result is not None and result.trouble:
        yield f"Did not run: `{_plain(result.trouble)}`"
        yield ""
    if result is not None and result.failures:
        yield "| whose | tests | one of them | its message |"
        yield "| --- | --- | --- | --- |"
        kinds = Counter((failure.fault, _plain(failure.message)[:120]) for failure in result.failures)
        for (fault, message), count in kinds.most_common():
            first = next(
                each for each in result.failures if (each.fault, _plain(each.message)[:120]) == (fault, message)
            )
            yield f"| {fault} | {count} | `{_plain(first.test.rpartition('/')[2])}` | `{message}` |"
        yield ""


def _plain(text: str) -> str:
    """Return a text as a cell of a table can hold it, without the places of this machine."""
    from benchmarks.ecosystem.environment import ROOT

    return " ".join(text.replace(str(ROOT), "").replace("|", "/").replace("`", "'").split())
