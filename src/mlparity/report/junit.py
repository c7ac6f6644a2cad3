"""A record as JUnit XML, which build servers show as a table of tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from mlparity.core.words import Verdict
from mlparity.record.decisive import decisive
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.decision import recommendation_text

# What XML 1.0 cannot hold, even escaped. Source: https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(record: Record) -> str:
    """Return one suite: a case for the policy, which alone decides, and one for each setting.

    A setting that the policy does not ask for by name is skipped where it does not pass, so that the suite is green
    exactly when the verdict is `pass`. `unknown` is an error, and a setting that Core ML does not offer is skipped.
    """
    return _document(_suite(record, f"mlparity: {record.source.name}"))


def junit_of_suite(models: Sequence[tuple[str, Record | None, str]]) -> str:
    """Return one suite for each model by its name; one without a record has an error with the reason."""
    whole = ElementTree.Element("testsuites", name="mlparity")
    for name, record, failure in models:
        whole.append(_suite(record, f"mlparity: {name}") if record is not None else _lost(name, failure))
    return _document(whole)


def _lost(name: str, failure: str) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_text(f"mlparity: {name}"))
    case = ElementTree.SubElement(suite, "testcase", classname=_text(f"mlparity.{name}"), name="verified")
    _end(case, Verdict.UNKNOWN, failure)
    return _counted(suite)


def _document(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(record: Record, name: str) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_text(name), timestamp=_text(record.created))
    policy = _case(suite, record, f"policy {record.policy.name}")
    _end(policy, record.verdict, recommendation_text(record))
    for row in decisive(record.settings):
        _setting(_case(suite, record, str(row.setting)), row, _is_required(record, row))
    return _counted(suite)


def one_case(suite_name: str, created: str, case_name: str, verdict: Verdict, message: str) -> str:
    """Return a suite with one case."""
    suite = ElementTree.Element("testsuite", name=_text(suite_name), timestamp=_text(created))
    case = ElementTree.SubElement(suite, "testcase", classname="mlparity", name=_text(case_name))
    _end(case, verdict, message)
    return _document(_counted(suite))


def _counted(suite: ElementTree.Element) -> ElementTree.Element:
    """Return the suite with the number of its cases, and of each outcome."""
    for outcome in ("failure", "error", "skipped"):
        count = len(suite.findall(f"testcase/{outcome}"))
        suite.set("skipped" if outcome == "skipped" else f"{outcome}s", str(count))
    suite.set("tests", str(len(suite)))
    return suite


def _case(suite: ElementTree.Element, record: Record, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=_text(f"mlparity.{record.source.name}"), name=_text(name)
    )


def _is_required(record: Record, row: SettingResult) -> bool:
    return record.policy.required == ("all",) or str(row.setting) in record.policy.required


def _setting(case: ElementTree.Element, row: SettingResult, required: bool) -> None:
    message = "\n".join(filter(None, (row.note, *row.reasons)))
    if row.state is RowState.NOT_APPLICABLE or not (required or row.verdict is Verdict.PASS):
        ElementTree.SubElement(case, "skipped", message=_text(f"{row.verdict}: {message}"))
    else:
        _end(case, row.verdict, message)


def _end(case: ElementTree.Element, verdict: Verdict, message: str) -> None:
    tag = {Verdict.FAIL: "failure", Verdict.UNKNOWN: "error"}.get(verdict)
    if tag is not None:
        ElementTree.SubElement(case, tag, message=_text(message))


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
