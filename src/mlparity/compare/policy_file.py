"""Policies by name, and from TOML files.

A file looks like this; all keys but `limits` may be left out::

    name = "mobile-classifier"             # else the file's name
    required = ["fp32/CPU_ONLY"]           # ["any"] (else), ["all"], or names of settings
    noise_factor = 2.0                     # a difference within this many times the source's own noise passes

    [limits.max_abs]                       # a metric
    at_most = 1e-4                         # or at_least, or both
    of_scale = true                        # times the output's scale; false where it is left out

    [limits.flips]
    at_most = 0
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlparity.compare.metrics import METRIC_INFOS
from mlparity.compare.policies import POLICIES
from mlparity.core.errors import PolicyError
from mlparity.core.record import Limit, Policy
from mlparity.core.words import Precision, Setting, Target, coreai_settings, coreml_settings

_TOP_KEYS = ("name", "required", "noise_factor", "limits")
_LIMIT_KEYS = ("at_most", "at_least", "of_scale")
_QUANTIFIERS = ("any", "all")


def load_policy(name_or_path: str | Path) -> Policy:
    """Return the policy of that name, or read it from a TOML file of the form above.

    Raises:
        PolicyError: no such name or file, or a key, metric, setting or value that does not exist.
    """
    known = {policy.name: policy for policy in POLICIES}
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    path = Path(name_or_path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolicyError(
            "the policy cannot be read",
            where=str(name_or_path),
            found=str(error),
            expected=f"{_list(known)}, or a TOML file",
            next_step="check the name or the path; the documentation's policy page shows a complete file",
        ) from error
    return _Reader(str(path)).policy(table, path.stem)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Checks one file's values; `file` is for messages."""

    file: str

    def policy(self, table: Mapping[str, object], default_name: str) -> Policy:
        self.check_keys(table, _TOP_KEYS, "")
        limits = table.get("limits")
        if not isinstance(limits, dict) or not limits:
            raise self.wrong("limits", limits, "at least one table such as [limits.max_abs]")
        self.check_keys(limits, tuple(info.name for info in METRIC_INFOS), "limits", "metric")
        name = table.get("name", default_name)
        if not isinstance(name, str) or not name:
            raise self.wrong("name", name, "a text")
        return Policy(
            name=name,
            limits=tuple(self.limit(metric, value) for metric, value in limits.items()),
            required=self.required(table.get("required", ["any"])),
            noise_factor=self.noise_factor(table.get("noise_factor", 2.0)),
        )

    def limit(self, metric: str, value: object) -> Limit:
        place = f"limits.{metric}"
        if not isinstance(value, dict):
            raise self.wrong(place, value, f"a table with {_list(_LIMIT_KEYS)}")
        self.check_keys(value, _LIMIT_KEYS, place)
        bounds = {key: self.number(f"{place}.{key}", value[key]) for key in ("at_most", "at_least") if key in value}
        if not bounds:
            raise self.wrong(place, value, "at_most, at_least or both")
        of_scale = value.get("of_scale", False)
        if not isinstance(of_scale, bool):
            raise self.wrong(f"{place}.of_scale", of_scale, "true or false")
        return Limit(metric, bounds.get("at_most"), bounds.get("at_least"), of_scale)

    def required(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value or not all(isinstance(entry, str) for entry in value):
            raise self.wrong("required", value, 'a list of texts such as ["any"] or ["fp32/CPU_ONLY"]')
        if len(value) > 1:
            self.check_keys(dict.fromkeys(value), setting_names(), "required", "setting")
        else:
            self.check_keys(dict.fromkeys(value), (*_QUANTIFIERS, *setting_names()), "required", "setting")
        return tuple(value)

    def noise_factor(self, value: object) -> float:
        factor = self.number("noise_factor", value)
        if factor < 0:
            raise self.wrong("noise_factor", value, "a number of 0 or more")
        return factor

    def number(self, place: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(place, value, "a finite number")
        return float(value)

    def check_keys(self, table: Mapping[str, object], known: tuple[str, ...], place: str, what: str = "key") -> None:
        for key in table:
            if key not in known:
                where = f"{place}.{key}" if place else key
                raise self.wrong(where, key, f"a known {what}: {_list(known)}")

    def wrong(self, place: str, found: object, expected: str) -> PolicyError:
        return PolicyError(
            "the policy is not valid",
            where=f"{self.file}, {place}",
            found="nothing" if found is None else repr(found),
            expected=expected,
            next_step="correct the file; `--policy consistency` uses the built-in one",
        )


def setting_names() -> tuple[str, ...]:
    """Return the name of every setting that a policy can require."""
    others = [Setting(target, precision) for target in (Target.LITERT, Target.ONNX) for precision in Precision]
    return tuple(str(setting) for setting in (*coreml_settings(), *others, *coreai_settings()))


def _list(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(names)
