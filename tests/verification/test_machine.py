"""What is installed and what can be done, on this machine and where a part is missing."""

from __future__ import annotations

from importlib import metadata

import pytest

from mlparity.core.words import Provenance
from mlparity.report.machine import extra_lines
from mlparity.targets.table import all_settings
from mlparity.verification.machine import machine
from tests.release.installed import SETS

REAL = metadata.version


def test_this_machine_has_what_the_tests_need() -> None:
    found = machine()
    assert found.is_sound
    needed = {package.name for package in found.packages if not package.extra}
    assert {"torch", "coremltools", "numpy"} <= needed
    assert {package.extra for package in found.packages} <= {"", *SETS}
    assert all(package.installed == REAL(package.name) for package in found.packages if package.installed)


def test_every_setting_has_one_answer() -> None:
    names = [name for ability in machine().abilities for name in ability.settings]
    assert sorted(names) == sorted(map(str, all_settings()))
    for ability in machine().abilities:
        assert (ability.provenance is None) is bool(ability.note)


@pytest.mark.parametrize("version", [None, "1.0"])
def test_an_extra_that_is_missing_or_old_is_told(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    def changed(name: str) -> str:
        if name != "ai-edge-litert":
            return REAL(name)
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", changed)
    found = machine()
    (package,) = (package for package in found.packages if package.name == "ai-edge-litert")
    assert (package.installed, package.is_right) == (version, False)
    assert found.is_sound is (version is None)
    (ability,) = (ability for ability in found.abilities if "litert/fp32" in ability.settings)
    assert ability.provenance is None
    assert "pip install 'mlparity[litert]'" in ability.note
    assert "litert: converts to LiteRT and runs it: pip install 'mlparity[litert]'" in list(extra_lines(found))


def test_an_extra_of_no_target_says_what_it_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(name: str) -> str:
        if name in ("executorch", "pillow"):
            raise metadata.PackageNotFoundError(name)
        return REAL(name)

    monkeypatch.setattr(metadata, "version", changed)
    told = list(extra_lines(machine()))
    assert "images: reads folders of images: pip install 'mlparity[images]'" in told
    assert not any("converts to executorch" in line for line in told)


def test_a_package_that_is_always_needed_is_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(name: str) -> str:
        return "2.4.0" if name == "numpy" else REAL(name)

    monkeypatch.setattr(metadata, "version", changed)
    assert not machine().is_sound


def test_what_our_engine_gives_is_not_measured_off_a_mac() -> None:
    by_name = {name: ability.provenance for ability in machine().abilities for name in ability.settings}
    if by_name["fp32/CPU_ONLY"] is Provenance.MEASURED:
        pytest.skip("Core ML itself predicts here")
    assert by_name["fp32/CPU_ONLY"] is Provenance.COMPUTED
    assert by_name["fp16/ALL"] is by_name["fp32/ALL"] is Provenance.EMULATED
    assert by_name["neuralnetwork/CPU_ONLY"] is Provenance.COMPUTED
    assert by_name["neuralnetwork/ALL"] is Provenance.EMULATED
