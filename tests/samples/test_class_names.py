from __future__ import annotations

from pathlib import Path

import pytest

from mlparity.core.errors import InputError
from mlparity.samples.class_names import read_class_names


def test_each_line_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("tench\n great white shark \n\nhen\n", encoding="utf-8")
    assert read_class_names(path) == ("tench", "great white shark", "hen")


@pytest.mark.parametrize(
    ("data", "said"), [(b"", "no names"), (b"a\nb\na\n", "'a' twice"), (b"\xff\xfe", "utf-8"), (None, "No such file")]
)
def test_other_files_are_refused(tmp_path: Path, data: bytes | None, said: str) -> None:
    path = tmp_path / "names.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=said):
        read_class_names(path)
