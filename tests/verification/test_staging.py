from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlparity.core.errors import OutputError
from mlparity.record.files import read_record, write_record
from mlparity.record.tuning_file import write_tuning
from mlparity.targets.artifacts import artifact_sha256
from mlparity.verification.staging import clean_up, real_path_of, staged_folder
from tests.record.example import example_record
from tests.record.test_tuning_file import TUNING

RECORD = example_record()
EMPTY = dataclasses.replace(RECORD, artifacts=())


def _write(out: Path, text: str) -> None:
    with staged_folder(real_path_of(out)) as stage:
        write_record(dataclasses.replace(EMPTY, created=text), stage / "record.json")


def _write_half(out: Path, error: type[BaseException]) -> None:
    with staged_folder(out) as stage:
        (stage / "record.json").write_text("half")
        raise error


def _read(out: Path) -> str:
    return read_record(out / "record.json").created


def test_a_result_appears_and_replaces_an_earlier_one(tmp_path: Path) -> None:
    _write(tmp_path / "out", "first")
    _write(tmp_path / "out", "second")
    assert _read(tmp_path / "out") == "second"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
def test_a_block_that_raises_leaves_the_earlier_result_alone(tmp_path: Path, error: type[BaseException]) -> None:
    _write(tmp_path / "out", "first")
    with pytest.raises((error, OutputError)):
        _write_half(tmp_path / "out", error)
    assert _read(tmp_path / "out") == "first"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, PermissionError])
@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_an_end_between_the_two_renames_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], fails_at: int
) -> None:
    _write(tmp_path / "out", "first")
    rename, calls = Path.rename, []

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == fails_at:
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises((error, OutputError)):
        _write(tmp_path / "out", "second")
    assert _read(tmp_path / "out") == "first"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_a_folder_with_somebody_s_files_is_left_alone(tmp_path: Path) -> None:
    _write(tmp_path / "out", "first")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        _write(tmp_path / "out", "second")
    assert _read(tmp_path / "out") == "first"
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_file_in_the_real_path_of_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        _write(tmp_path / "out", "first")
    assert (tmp_path / "out").read_text() == "mine"


def _with_artifact(out: Path) -> None:
    with staged_folder(out) as stage:
        (stage / "model.tflite").write_bytes(b"model")
        artifact = dataclasses.replace(
            RECORD.artifacts[0], path="model.tflite", sha256=artifact_sha256(stage / "model.tflite")
        )
        write_record(dataclasses.replace(RECORD, artifacts=(artifact,)), stage / "record.json")
        (stage / "model.tflite.mlparity.json").write_text("{}")
        (stage / "report.html").write_text("report")


def test_what_the_record_lists_is_replaced(tmp_path: Path) -> None:
    _with_artifact(tmp_path / "out")
    _write(tmp_path / "out", "second")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["record.json"]


def _with_tuning(out: Path) -> None:
    with staged_folder(out) as stage:
        (stage / "net_tuned.mlpackage").write_bytes(b"package")
        sha256 = artifact_sha256(stage / "net_tuned.mlpackage")
        write_tuning(dataclasses.replace(TUNING, sha256=sha256), stage / "tuning.json")


def test_what_a_tuning_lists_is_replaced_and_another_package_of_the_name_is_not(tmp_path: Path) -> None:
    _with_tuning(tmp_path / "out")
    _write(tmp_path / "out", "second")
    for text in ("another", "none"):
        shutil.rmtree(tmp_path / "out")
        _with_tuning(tmp_path / "out")
        if text == "none":  # as tunings were written before they had a digest
            write_tuning(dataclasses.replace(TUNING, sha256=""), tmp_path / "out" / "tuning.json")
        else:
            (tmp_path / "out" / "net_tuned.mlpackage").write_text(text)
        with pytest.raises(OutputError, match="something else"):
            _write(tmp_path / "out", "second")
        assert (tmp_path / "out" / "net_tuned.mlpackage").exists()


def _without_record(out: Path) -> Path:
    (out / "record.json").unlink()
    return out / "record.json"


FOREIGN: dict[str, Callable[[Path], object]] = {
    "a package that the record does not list": lambda out: (out / "production.mlpackage").mkdir(),
    "a file that has taken an artifact's place": lambda out: (out / "model.tflite").write_bytes(b"another"),
    "a record that is none": lambda out: (out / "record.json").write_text("notes"),
    "a record of another tool": lambda out: (out / "record.json").write_text('{"schema_version": 1}'),
    "no record": lambda out: (out / "record.json").unlink(),
    "a record that is a folder": lambda out: _without_record(out).mkdir(),
    "a record that is a FIFO": lambda out: os.mkfifo(_without_record(out)),
    "a tuning that is none": lambda out: (out / "tuning.json").write_text("{}"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_folder_that_a_record_of_ours_does_not_list_is_left_alone(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _with_artifact(out)
    FOREIGN[kind](out)
    before = _contents(out)
    with pytest.raises(OutputError, match="something else"):
        _write(out, "second")
    assert _contents(out) == before
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def _contents(out: Path) -> dict[str, object]:
    return {str(each): each.read_bytes() if each.is_file() else each.stat().st_mode for each in out.rglob("*")}


def _write_beside(out: Path, mine: Path) -> None:
    with staged_folder(out) as stage:
        write_record(EMPTY, stage / "record.json")
        mine.write_text("mine")


def test_what_is_put_there_meanwhile_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    _write(out, "first")
    with pytest.raises(OutputError, match=r"mine\.txt"):
        _write_beside(out, out / "mine.txt")
    assert (out / "mine.txt").read_text() == "mine"
    assert _read(out) == "first"


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to("disk/results")
    for text in ("first", "second"):
        _write(tmp_path / "out", text)
        assert (tmp_path / "out").is_symlink()
        assert _read(tmp_path / "disk" / "results") == text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["disk", "out"]


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("out")
    with pytest.raises(OutputError):
        _write(tmp_path / "out", "first")


WORKING = """
import sys, time
from pathlib import Path
import dataclasses
from mlparity.verification import staging
from mlparity.record.files import read_record, write_record
record = dataclasses.replace(read_record(Path(sys.argv[1]) / "record.json"), created="half")
rename = Path.rename
def stop(self, target):
    rename(self, target)
    if target.name == sys.argv[2]:
        print("here", flush=True)
        time.sleep(600)
Path.rename = stop
with staging.staged_folder(Path(sys.argv[1])) as stage:
    write_record(record, stage / "record.json")
"""


def _left_working(out: Path, after: str) -> subprocess.Popen[str]:
    """Start a process that stops right after something was renamed to `after`."""
    running = subprocess.Popen(
        [sys.executable, "-c", WORKING, str(out), after],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "here\n"
    return running


@pytest.mark.parametrize(("after", "left"), [("claim", "first"), ("old", "first"), ("out", "half")])
def test_what_a_killed_process_left_is_removed_and_earlier_results_come_back(
    tmp_path: Path, after: str, left: str
) -> None:
    out = tmp_path / "out"
    _write(out, "first")
    running = _left_working(out, after)
    clean_up(out)
    assert len(list(tmp_path.glob(".out.*"))) == 1, "a living process keeps what it works on"
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    clean_up(out)
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert _read(out) == left


def test_a_folder_that_only_looks_like_a_stage_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".out.mine").mkdir()
    (tmp_path / ".out.mine" / "claim").write_text("mine")
    (tmp_path / ".out.other").mkdir()
    _write(tmp_path / "out", "first")
    assert sorted(each.name for each in tmp_path.iterdir()) == [".out.mine", ".out.other", "out"]
