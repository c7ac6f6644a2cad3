"""Looks at a `.pt2` file before PyTorch loads it: what in it is a program, and what would run as Python.

`torch.export.load` unpickles with no restriction where a restricted unpickler refuses, imports modules that the
file names, and evaluates as Python: shapes (by sympy), guards, and the names from which it writes source text.
Source: torch 2.13, `torch/export/pt2_archive/_package.py`, `torch/_export/serde/serialize.py` (`_parse_sym_expr`,
`deserialize_operator`, `deserialize_torch_artifact`), `torch/export/_unlift.py` (`_convert_guards_code_to_fn`),
`torch/utils/_pytree.py` (`enum_object_hook`).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

import torch

from mlparity.sources.expressions import is_expression, is_guard, is_operator
from mlparity.sources.pickled import check_archive, holds_tensors_alone

_NATIVE = "data/aotinductor/"
_PICKLED = re.compile(r"data/(sample_inputs/.*|weights/[^/]*\.pt|constants/[^/]*\.pt)")
_PAYLOADS = re.compile(r"data/(weights|constants)/.*_config\.json")
_OBJECTS = ("custom_obj_", "opaque_obj_")
_TEXTS = re.compile(r"models/.*|data/.*\.json")
_NAME = re.compile(r"[\w.:#+<=/\-]*")
"""What a name may hold, for PyTorch writes source text with it."""

_IMPORTING = {"__enum__", "default_factory_module"}
_FREE = {"metadata", "as_string", "as_strings", "torch_version"}
"""Texts that are never run, in a program itself."""

_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "expr_str": is_expression,
    "guards_code": is_guard,
    "target": is_operator,
    "as_operator": is_operator,
}


def check_exported(file: BinaryIO) -> str:
    """Return what in a `.pt2` file would run as Python when it is loaded, and "" where nothing would.

    Raises:
        ValueError: it is no archive that `torch.export.save` wrote.
    """
    names = check_archive(file)
    reader = torch._C.PyTorchFileReader(file)
    records = reader.get_all_records()
    # What another reader sees must be what PyTorch loads.
    root = names[0].partition("/")[0]
    if {f"{root}/{record}" for record in records} != set(names):
        raise ValueError("members outside of the archive's one folder")
    found = next(_running(reader, records), "")
    file.seek(0)
    return found


def _running(reader: Any, records: list[str]) -> Iterator[str]:
    for record in records:
        if record.startswith(_NATIVE):
            yield f"{record}: compiled code"
        elif _PICKLED.fullmatch(record) and not _is_safe(reader, record):
            yield f"{record}: a pickle of more than tensors"
        elif _TEXTS.fullmatch(record):
            data = json.loads(reader.get_record(record))
            yield from (f"{record}: {found}" for found in _running_texts(data))
            if _PAYLOADS.fullmatch(record):
                yield from _running_payloads(reader, record, data)


def _running_payloads(reader: Any, record: str, data: Any) -> Iterator[str]:
    folder = record.rpartition("/")[0]
    for payload in data["config"].values():
        member = f"{folder}/{payload['path_name']}"
        if payload["path_name"].startswith(_OBJECTS):
            yield f"{member}: an object"
        elif payload.get("use_pickle") and not _is_safe(reader, member):
            yield f"{member}: a pickle of more than tensors"


def _is_safe(reader: Any, record: str) -> bool:
    data = reader.get_record(record)
    return not data or holds_tensors_alone(io.BytesIO(data))


def _running_texts(value: Any, key: str = "", *, is_inner: bool = False) -> Iterator[str]:
    """Yield each text below `value` that PyTorch would run, or put into what it runs."""
    if isinstance(value, dict):
        yield from (f"it imports what {name!r} names" for name in value if name in _IMPORTING)
        yield from (f"the name {name!r}" for name in value if not _NAME.fullmatch(name))
        for name, inner in value.items():
            if is_inner or name not in _FREE:
                yield from _running_texts(inner, name, is_inner=is_inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _running_texts(inner, key, is_inner=is_inner)
    elif isinstance(value, str) and key in _CHECKS:
        yield from () if _CHECKS[key](value) else (f"{key} {value!r}",)
    elif isinstance(value, str) and not _NAME.fullmatch(value):
        yield from _running_json(value)


def _running_json(text: str) -> Iterator[str]:
    """Yield what would be run of a text that is JSON itself, as the trees of inputs are."""
    try:
        inner = json.loads(text)
    except ValueError:
        inner = None
    if isinstance(inner, dict | list):
        yield from _running_texts(inner, is_inner=True)
    elif not (isinstance(inner, str) and _NAME.fullmatch(inner)):
        yield f"the text {text!r}"
