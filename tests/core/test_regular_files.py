"""Only an ordinary file within its bound is opened, and nothing waits."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import NotRegularError, check_regular, open_regular, read_regular

READERS: dict[str, Callable[[Path], object]] = {
    "open": lambda path: open_regular(path).close(),
    "read": lambda path: read_regular(path, limit=10),
    "check": check_regular,
}


@pytest.fixture(params=["folder", "fifo", "socket", "device", "link to a FIFO"])
def special(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)  # a socket's name is short
    path = Path(request.param.replace(" ", "_"))
    with closing(socket.socket(socket.AF_UNIX)) as server:
        match request.param:
            case "folder":
                path.mkdir()
            case "fifo":
                os.mkfifo(path)
            case "socket":
                server.bind(str(path))
            case "device":
                path.symlink_to("/dev/zero")
            case _:
                os.mkfifo("fifo")
                path.symlink_to("fifo")
        yield path


@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_ordinary_file_is_refused_at_once(special: Path, reader: str) -> None:
    with pytest.raises(NotRegularError) as caught:
        READERS[reader](special)
    assert isinstance(caught.value, FormatError)
    assert isinstance(caught.value, OSError)
    kind = {"folder": "a folder", "socket": "a socket", "device": "a character device"}.get(special.name, "a FIFO")
    assert caught.value.found == kind
    assert kind in str(caught.value)
    assert kind in (caught.value.strerror or "")


def test_an_ordinary_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234567890")
    (tmp_path / "link").symlink_to("a")
    assert read_regular(tmp_path / "link", limit=10) == b"1234567890"
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"1234567890"
        assert not os.get_inheritable(file.fileno())


@pytest.mark.parametrize("reader", [READERS["read"], lambda path: check_regular(path, limit=10)])
def test_a_file_above_the_bound_is_refused(tmp_path: Path, reader: Callable[[Path], object]) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(NotRegularError, match=r"1,099,511,627,776 bytes"):
        reader(tmp_path / "sparse")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux has files that give their size as 0")
def test_a_file_that_holds_more_than_its_size_says_is_not_read_on() -> None:
    with pytest.raises(NotRegularError, match="more bytes than its size says"):
        read_regular(Path("/proc/self/maps"), limit=10)


def test_what_is_not_there_stays_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")
    with pytest.raises(NotRegularError, match="null"):
        open_regular(tmp_path / "a\0b")


def test_a_file_that_is_exchanged_after_the_look_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain").write_bytes(b"")
    os.mkfifo(tmp_path / "fifo")
    ordinary = (tmp_path / "plain").stat()
    monkeypatch.setattr(os, "stat", lambda *_, **__: ordinary)
    with pytest.raises(NotRegularError, match="a FIFO"):
        open_regular(tmp_path / "fifo")


def test_a_file_is_read_in_the_memory_that_it_takes_whatever_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"some")
    assert read_regular(path, limit=2**60) == b"some"
