"""Policies by name and from files; what is wrong in a file is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlparity.compare.policies import CONSISTENCY, POLICIES
from mlparity.compare.policy_file import load_policy, setting_names
from mlparity.core.errors import PolicyError
from mlparity.core.record import Limit, Policy
from mlparity.core.words import coreml_settings


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_built_in_names() -> None:
    assert load_policy("consistency") is CONSISTENCY
    assert all(load_policy(policy.name) is policy for policy in POLICIES)


def test_a_complete_file(tmp_path: Path) -> None:
    text = """
    name = "phone"
    required = ["fp32/CPU_ONLY", "litert/fp32"]
    noise_factor = 0
    [limits.max_abs]
    at_most = 1e-3
    of_scale = true
    [limits.snr_db]
    at_least = 60
    """
    limits = (Limit("max_abs", at_most=1e-3, of_scale=True), Limit("snr_db", at_least=60.0))
    assert load_policy(write(tmp_path, text)) == Policy("phone", limits, ("fp32/CPU_ONLY", "litert/fp32"), 0.0)


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    path = write(tmp_path, "limits.flips.at_most = 0")
    assert load_policy(str(path)) == Policy("mine", (Limit("flips", at_most=0.0),), ("any",), 2.0)


def test_every_coreml_setting_can_be_required() -> None:
    assert {str(setting) for setting in coreml_settings()} <= set(setting_names())


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", "limits", "at least one table"),
        ("limits = 3", "limits", "found: 3"),
        ("[limits]", "limits", "at least one table"),
        ("limits.max_ab.at_most = 1", "limits.max_ab", "a known metric: max_abs, min_abs, mean_abs"),
        ("limits.max_abs = 1", "limits.max_abs", "a table with at_most, at_least, of_scale"),
        ("limits.max_abs.most = 1", "limits.max_abs.most", "a known key: at_most"),
        ("limits.max_abs.of_scale = true", "limits.max_abs", "at_most, at_least or both"),
        ("limits.max_abs = {at_most = 1, of_scale = 0}", "limits.max_abs.of_scale", "true or false"),
        ("limits.max_abs.at_most = nan", "limits.max_abs.at_most", "a finite number"),
        ("limits.max_abs.at_most = '1'", "limits.max_abs.at_most", "a finite number"),
        ("limits.max_abs.at_most = true", "limits.max_abs.at_most", "a finite number"),
        ("limit.max_abs.at_most = 1", "limit", "a known key: name, required, noise_factor, limits"),
        ("name = 0\nlimits.flips.at_most = 0", "name", "a text"),
        ("noise_factor = -1\nlimits.flips.at_most = 0", "noise_factor", "0 or more"),
        ("required = 'any'\nlimits.flips.at_most = 0", "required", "a list of texts"),
        ("required = []\nlimits.flips.at_most = 0", "required", "a list of texts"),
        ("required = ['fp16/GPU']\nlimits.flips.at_most = 0", "required.fp16/GPU", "a known setting: any, all"),
        ("required = ['any', 'fp32/ALL']\nlimits.flips.at_most = 0", "required.any", "a known setting: fp32/CPU_ONLY"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, place: str, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    assert caught.value.where == f"{path}, {place}"
    assert words in str(caught.value)
    assert caught.value.next_step


@pytest.mark.parametrize("content", [None, b"limits = [", b"\xff\xfe"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "none.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError, match="consistency, task, or a TOML file"):
        load_policy(path)
