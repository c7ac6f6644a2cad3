"""What was tried to cure a difference, and what did."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.core.words import Precision, Setting, Verdict


@dataclass(frozen=True, slots=True)
class Attempt:
    """One cure that was tried: how the artifact was made anew, and what came out.

    `change` says in a few words what is different from the conversion before. `max_abs` is the largest difference of
    the setting to ship, of the worst one where none is fit, None where there is none. `failure` is the first line of
    what the converter said, or why it was not tried, "" where it converted.
    """

    change: str
    precision: Precision
    verdict: Verdict
    max_abs: float | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """The smallest change that restores the policy, and all that were tried, in their order.

    `setting` is the one to ship, None where nothing restored the policy. `call` is the code to paste; `script` is the
    whole of it, a file beside the record that makes `package` again; both are "" where a setting alone is the cure.
    `before` and `after` are largest differences, infinite where a NaN or an infinity has no equal: of the worst failing
    setting, and of the setting to ship.
    """

    setting: Setting | None
    call: str = ""
    script: str = ""
    package: str = ""
    sha256: str = ""
    before: float | None = None
    after: float | None = None
    attempts: tuple[Attempt, ...] = ()
