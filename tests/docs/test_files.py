"""The page on files that people write has every key of their models, with its default."""

from __future__ import annotations

import re
import tomllib

import pytest
from pydantic.fields import FieldInfo

from mlparity.compare.policy_model import TASK_TABLES, LimitTable, MetricTable, OutputTable, PolicyFile
from mlparity.samples.preprocess import PRESETS, ImagePreprocess, PreprocessFile
from mlparity.toml.table import Table
from tests.docs.documents import ROOT, blocks

PAGE = ROOT / "docs/reference/files.md"


def keys(model: type[Table]) -> list[str]:
    rows = [f"| `{key}` | {default(field)} | {field.description} |" for key, field in model.model_fields.items()]
    return ["| key | default | what it is |", "| --- | --- | --- |", *rows]


def default(field: FieldInfo) -> str:
    return "–" if field.default in (None, {}) else shown(field.default)


def shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"`[{', '.join(shown(part).strip('`') for part in value)}]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return {1 / 255: "`1 / 255`", 2 / 255: "`2 / 255`", 127 / 128: "`127 / 128`"}.get(value, f"`{value!r}`")
    return f"`{value!r}`" if isinstance(value, int) else f'`"{value}"`'


def presets() -> list[str]:
    plain = ImagePreprocess()
    rows = []
    for name, preset in PRESETS.items():
        changed = [key for key in ImagePreprocess.model_fields if getattr(preset, key) != getattr(plain, key)]
        texts = [f"`{key} = {shown(getattr(preset, key)).strip('`')}`" for key in changed]
        rows.append(f"| `{name}` | {', '.join(texts) or 'none'} |")
    return ["| preset | keys that differ from the defaults |", "| --- | --- |", *rows]


def tasks() -> list[str]:
    rows = []
    for task, model in TASK_TABLES.items():
        own = {key: field for key, field in model.model_fields.items() if key not in OutputTable.model_fields}
        rows += [f"| `{task}` | `{key}` | {default(field)} | {field.description} |" for key, field in own.items()]
    return ["| task | key | default | what it is |", "| --- | --- | --- | --- |", *rows]


TABLES = {
    "policy": keys(PolicyFile),
    "limit": keys(LimitTable),
    "output": keys(OutputTable),
    "tasks": tasks(),
    "metric": keys(MetricTable),
    "preprocessing": keys(PreprocessFile),
    "presets": presets(),
}


@pytest.mark.parametrize("table", TABLES)
def test_the_page_has_the_table_of_the_model(table: str) -> None:
    assert "\n" + "\n".join(TABLES[table]) + "\n\n" in PAGE.read_text() + "\n"


def test_the_page_has_no_other_table() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if re.match(r"\|", line)]
    assert lines == [line for table in TABLES.values() for line in table]


def test_each_key_is_described() -> None:
    models: tuple[type[Table], ...] = (PolicyFile, LimitTable, MetricTable, PreprocessFile, *TASK_TABLES.values())
    assert all(field.description for model in models for field in model.model_fields.values())


def test_the_examples_are_files_that_are_read() -> None:
    policy, preprocess = (tomllib.loads(block.text) for block in blocks("docs/reference/files.md"))
    assert PolicyFile.model_validate(policy, context=("fp16/ALL",)).all_limits()
    assert PreprocessFile.model_validate(preprocess).preset == "imagenet"
