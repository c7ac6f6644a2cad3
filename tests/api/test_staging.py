from __future__ import annotations

from pathlib import Path

import pytest

from mlparity.api.staging import staged_folder
from mlparity.core.errors import OutputError


def _write(out: Path, text: str) -> None:
    with staged_folder(out) as stage:
        (stage / "record.json").write_text(text)


def _write_half(out: Path, error: type[BaseException]) -> None:
    with staged_folder(out) as stage:
        (stage / "record.json").write_text("half")
        raise error


def _read(out: Path) -> str:
    return (out / "record.json").read_text()


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
@pytest.mark.parametrize("fails_at", [1, 2])
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


def test_a_file_in_the_place_of_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        _write(tmp_path / "out", "first")
    assert (tmp_path / "out").read_text() == "mine"
