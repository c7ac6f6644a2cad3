"""What travels with a Core AI model, in a real `.aimodel`, and that Core AI itself reads it."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from mlparity.core.errors import FormatError
from mlparity.targets.artifacts import artifact_sha256, read_metadata, write_metadata

needs_coreai = pytest.mark.skipif(find_spec("coreai_torch") is None, reason="coreai-torch is not installed")

# As coreai-core 1.0.0b3 writes it.
ABOUT = """{
  "creationDate" : "20261124T024656Z",
  "producer" : "coreai-core 1.0.0b3",
  "author" : "me",
  "assetVersion" : "2.0",
  "creatorDefinedMetadata" : {
    "author.key" : "kept"
  }
}"""
TEXTS = {"com.mlparity.verdict": "pass", "com.mlparity.passed.measured": "coreai/fp32"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.aimodel"
    path.mkdir()
    (path / "metadata.json").write_text(ABOUT)
    (path / "main.mlirb").write_bytes(b"program")
    return path


def test_a_model_carries_its_texts_and_loses_nothing(model: Path) -> None:
    before = artifact_sha256(model)
    assert read_metadata(model) == {}
    assert write_metadata(model, TEXTS) == model / "metadata.json"
    assert read_metadata(model) == TEXTS
    about = json.loads((model / "metadata.json").read_text())
    assert about["creatorDefinedMetadata"]["author.key"] == "kept"
    assert {name: about[name] for name in ("producer", "author", "assetVersion")} == {
        "producer": "coreai-core 1.0.0b3",
        "author": "me",
        "assetVersion": "2.0",
    }
    assert artifact_sha256(model) == before


def test_a_second_verification_replaces_the_first(model: Path) -> None:
    write_metadata(model, {"com.mlparity.old": "1", **TEXTS})
    write_metadata(model, TEXTS)
    assert read_metadata(model) == TEXTS


def test_the_digest_sees_the_program_and_what_others_wrote(model: Path) -> None:
    before = artifact_sha256(model)
    (model / "metadata.json").write_text(ABOUT.replace('"me"', '"you"'))
    other = artifact_sha256(model)
    (model / "main.mlirb").write_bytes(b"another")
    assert len({before, other, artifact_sha256(model)}) == 3


@pytest.mark.parametrize("about", ["", "[]", "{", '{"creatorDefinedMetadata": 1}'])
def test_metadata_that_is_none_is_a_format_error(model: Path, about: str) -> None:
    (model / "metadata.json").write_text(about)
    for use in (read_metadata, artifact_sha256, lambda path: write_metadata(path, TEXTS)):
        with pytest.raises(FormatError, match="metadata cannot be read"):
            use(model)


@needs_coreai
def test_core_ai_reads_the_texts_and_the_model_still_runs(tmp_path: Path) -> None:
    from coreai.authoring import AIModelAsset

    from mlparity.targets.coreai import convert as coreai
    from mlparity.targets.coreai import session as runtime
    from tests.loading import load_source
    from tests.targets.networks import SAMPLE, Net

    made = coreai.convert(load_source(Net().eval(), SAMPLE), SAMPLE, tmp_path / "net.aimodel")
    before = artifact_sha256(made.path)
    write_metadata(made.path, TEXTS)
    asset: Any = AIModelAsset.load(made.path)  # its types lack what its metadata has
    assert dict(asset.metadata.creator_defined_metadata) == TEXTS
    assert artifact_sha256(made.path) == before
    with runtime.open(made.path) as session:
        assert session.signature.inputs


def test_the_metadata_is_written_in_one_form(model: Path) -> None:
    (model / "metadata.json").write_text('{"producer": "b", "author": "Jürgen"}', encoding="utf-8")
    write_metadata(model, {"com.mlparity.b": "2", "com.mlparity.a": "1"})
    assert (model / "metadata.json").read_text(encoding="utf-8") == (
        '{\n  "author": "Jürgen",\n  "creatorDefinedMetadata": {\n    "com.mlparity.a": "1",\n'
        '    "com.mlparity.b": "2"\n  },\n  "producer": "b"\n}\n'
    )


def test_a_model_without_texts_of_anyone_hashes_as_before(model: Path) -> None:
    about = json.loads(ABOUT)
    del about["creatorDefinedMetadata"]
    (model / "metadata.json").write_text(json.dumps(about))
    before = artifact_sha256(model)
    write_metadata(model, TEXTS)
    assert artifact_sha256(model) == before
    assert read_metadata(model) == TEXTS
