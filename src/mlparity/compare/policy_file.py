"""Policies by name, and from TOML files."""

from __future__ import annotations

from pathlib import Path

from mlparity.compare.policies import POLICIES
from mlparity.compare.policy_check import check_policy
from mlparity.compare.policy_model import PolicyFile
from mlparity.core.errors import PolicyError
from mlparity.core.names import checked_name
from mlparity.record.policy import Policy
from mlparity.toml.table import Fault, Problem, read_table


def policy_of(policy: str | Path | Policy, settings: tuple[str, ...]) -> Policy:
    """Return a policy that is given as an object, by its name or as a file that may require these settings.

    Raises:
        PolicyError: no such name or file, or something in it that does not exist or cannot be.
    """
    return check_policy(policy) if isinstance(policy, Policy) else load_policy(policy, settings)


def load_policy(name_or_path: str | Path, settings: tuple[str, ...]) -> Policy:
    """Return the policy of that name, or read it from a TOML file, which may require `settings`.

    Raises:
        PolicyError: no such name or file, a key, metric, setting or value that does not exist, or a limit that no value
            can meet or break.
    """
    known = {policy.name: policy for policy in POLICIES}
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    path = Path(name_or_path)
    file = read_table(path, PolicyFile, lambda problem: _error(path, problem), settings)
    policy = Policy(
        name=file.name or checked_name(path.stem, "the policy"),
        limits=file.all_limits(),
        required=file.required,
        noise_factor=file.noise_factor,
        noise_cap=file.noise_cap,
        tasks=file.tasks(),
        metrics=tuple(table.metric(name) for name, table in file.metrics.items()),
    )
    return check_policy(policy, str(path))


def _error(path: Path, problem: Problem) -> PolicyError:
    if problem.fault is Fault.FILE:
        return PolicyError(
            "the policy cannot be read",
            where=str(path),
            found=problem.found,
            expected=f"{', '.join(policy.name for policy in POLICIES)}, or {problem.expected}",
            next_step="check the name or the path; the documentation's page on files shows every key",
        )
    return PolicyError(
        "the policy is not valid",
        where=f"{path}, {problem.where}",
        found=problem.found,
        expected=problem.expected,
        next_step=problem.advice or "correct the file; `--policy consistency` uses the built-in one",
    )
