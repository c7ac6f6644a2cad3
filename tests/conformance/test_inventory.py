from __future__ import annotations

from tests.conformance.inventory import APART, PAGE, defined, page, reason, run


def test_the_page_is_what_the_registries_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.conformance.inventory`"


def test_every_registered_op_runs_or_has_a_reason() -> None:
    assert [name for name in defined() if name not in run() and not reason(name)] == []


def test_no_reason_outlives_its_op() -> None:
    assert sorted(set(APART) - set(defined())) == []
    assert sorted(set(APART) & set(run())) == []


def test_no_definition_begins_before_coremltools_own() -> None:
    ours = run()
    assert [
        name for name, starts in defined().items() if starts and name in ours and ours[name][0][0] != starts[0]
    ] == []
