"""Policies by name and from files; what is wrong in a file is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlparity.compare import policy_file
from mlparity.compare.policies import CONSISTENCY, POLICIES
from mlparity.core.errors import PolicyError
from mlparity.record.policy import Limit, OutputTask, Policy, TaskKind, UserMetric

SETTINGS = ("fp32/CPU_ONLY", "fp16/ALL", "litert/fp32")


def load_policy(name_or_path: str | Path) -> Policy:
    return policy_file.load_policy(name_or_path, SETTINGS)


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


def test_tasks_their_limits_and_own_metrics(tmp_path: Path) -> None:
    text = """
    limits.max_abs.at_most = 1
    [outputs.mask]
    task = "mask"
    axis = 1
    limits.mask_iou.at_least = 0.99
    [outputs.score]
    task = "threshold"
    threshold = 0.0
    [outputs.embedding]
    task = "retrieval"
    [outputs.other]
    limits.max_abs.at_most = 2
    [metrics.lost]
    function = "task.py:lost"
    mean.at_most = 0
    worst.at_most = 2
    """
    policy = load_policy(write(tmp_path, text))
    assert policy.tasks == (
        OutputTask("mask", TaskKind.MASK, axis=1),
        OutputTask("score", TaskKind.THRESHOLD, threshold=0.0),
        OutputTask("embedding", TaskKind.RETRIEVAL, k=10),
    )
    assert policy.limits == (
        Limit("max_abs", at_most=1.0),
        Limit("mask_iou", at_least=0.99, output="mask"),
        Limit("max_abs", at_most=2.0, output="other"),
    )
    budget = Limit("lost.mean", at_most=0.0), Limit("lost.worst", at_most=2.0)
    assert policy.metrics == (UserMetric("lost", "task.py:lost", *budget),)


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    path = write(tmp_path, "limits.flips.at_most = 0")
    assert load_policy(str(path)) == Policy("mine", (Limit("flips", at_most=0.0),), ("any",), 2.0)


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
        (f"limits.max_abs.at_most = 0x{'f' * 5000}", "limits.max_abs.at_most", "too many digits"),
        (f"outputs.y = {{task = 'classes', k = 0x{'f' * 5000}}}", "outputs.y.k", "too many digits"),
        (f"name = [0x{'f' * 5000}]", "name", "a text"),
        ("limits.max_abs.at_most = true", "limits.max_abs.at_most", "a finite number"),
        ("limit.max_abs.at_most = 1", "limit", "a known key: name, required, noise_factor, noise_cap, limits"),
        ("name = 0\nlimits.flips.at_most = 0", "name", "a text"),
        ("noise_cap = -1\nlimits.flips.at_most = 0", "noise_cap", "0 or more"),
        ("limits.mask_iou.at_least = 1", "limits.mask_iou", 'an output with task = "mask"'),
        (
            "outputs.m = {task = 'mask', axis = 1}\noutputs.n.limits.mask_iou.at_least = 1",
            "outputs.n.limits.mask_iou",
            'an output with task = "mask"',
        ),
        ("outputs = 3", "outputs", "a table"),
        ("outputs.y = 3", "outputs.y", "a table"),
        ("outputs.y = {}", "outputs.y", "a task, limits or both"),
        ("outputs.y.task = 'boxes'", "outputs.y.task", "classes, tokens, threshold, retrieval, mask, none"),
        ("outputs.y.task = ['mask']", "outputs.y.task", "classes, tokens"),
        ("outputs.y = {task = 'classes', threshold = 1}", "outputs.y.threshold", "a known key of the task classes"),
        ("outputs.y = {task = 'classes', k = 0}", "outputs.y.k", "1 or more"),
        ("outputs.y = {task = 'classes', axis = 1.5}", "outputs.y.axis", "an integer"),
        ("outputs.y.task = 'threshold'", "outputs.y.threshold", "the score from which"),
        ("outputs.y.task = 'mask'", "outputs.y", "either axis"),
        ("outputs.y.task = 'classes'", "limits", "at least one table"),
        ("metrics.m = 3", "metrics.m", "a table"),
        ("metrics.m.mean.at_most = 1", "metrics.m.function", "module:function"),
        ("metrics.m = {function = 'task.py:', mean.at_most = 1}", "metrics.m.function", "module:function"),
        ("metrics.m = {function = ':lost', mean.at_most = 1}", "metrics.m.function", "module:function"),
        ("metrics.m.function = 'a:b'", "metrics.m", "a budget"),
        (
            "metrics.m = {function = 'a:b', mean = {at_most = 1, of_scale = true}}",
            "metrics.m",
            "own unit: it has no scale",
        ),
        ("metrics.m = {function = 'a:b', mean.at_most = 1, worst.at_least = 0}", "metrics.m", "tells which value"),
        ("metrics.m = {function = 'a:b', mean = {at_most = 1, at_least = 0}}", "metrics.m", "tells which value"),
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


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("limit.max_abs.at_most = 1", "limits"),
        ("limits.max_abz.at_most = 1", "max_abs"),
        ("limits.max_abs.most = 1", "at_most"),
        ("outputs.y.taks = 'mask'", "task"),
        ("outputs.y = {task = 'mask', axes = 1}", "axis"),
        ("metrics.m.function_ = 'a:b'", "function"),
        ("required = ['fp32/CPU_ONYL']\nlimits.flips.at_most = 0", "fp32/CPU_ONLY"),
    ],
)
def test_the_nearest_known_key_is_named(tmp_path: Path, text: str, nearest: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(write(tmp_path, text))
    assert caught.value.next_step == f"did you mean {nearest}?"


def test_a_key_that_no_task_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"outputs\.y\.axis"):
        load_policy(write(tmp_path, "outputs.y = {axis = 1, limits.max_abs.at_most = 1}"))


@pytest.mark.parametrize("content", [None, b"limits = [", b"\xff\xfe"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "none.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError, match="consistency, task, or a TOML file"):
        load_policy(path)


@pytest.mark.parametrize(
    ("axis", "is_taken"), [(2**31 - 1, True), (2**31, False), (-(2**31), False), (-(2**31) + 1, True)]
)
def test_an_axis_is_one_that_an_array_can_have(tmp_path: Path, axis: int, is_taken: bool) -> None:
    path = write(tmp_path, f"limits.max_abs.at_most = 1\noutputs.y = {{task = 'classes', axis = {axis}}}")
    if is_taken:
        assert load_policy(path).tasks[0].axis == axis
    else:
        with pytest.raises(PolicyError):
            load_policy(path)


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 400, "inf", "nan", "-inf", "true", "'1'", "[1]"])
def test_a_bound_is_a_number_that_float64_holds(tmp_path: Path, number: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(write(tmp_path, f"limits.max_abs.at_most = {number}"))
    assert caught.value.where.endswith("limits.max_abs.at_most")


@pytest.mark.parametrize(("k", "is_taken"), [(1, True), (2, True), (0, False), (-1, False)])
def test_at_least_one_of_the_best_is_compared(tmp_path: Path, k: int, is_taken: bool) -> None:
    path = write(tmp_path, f"limits.max_abs.at_most = 1\noutputs.y = {{task = 'classes', k = {k}}}")
    if is_taken:
        assert load_policy(path).tasks[0].k == k
    else:
        with pytest.raises(PolicyError, match="1 or more"):
            load_policy(path)
