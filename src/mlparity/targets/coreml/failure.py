"""Says why a route to Core ML failed: the op, where it is in the model, and what to try next."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlparity.core.errors import ConversionError
from mlparity.core.source import Source


@dataclass(frozen=True, slots=True)
class Failure:
    """One route that failed; `op` and `location` are "" where the error does not tell."""

    route: str
    op: str
    location: str
    reason: str

    def __str__(self) -> str:
        """Return one line for the record."""
        at = "".join((f" at {self.op}" if self.op else "", f" in {self.location}" if self.location else ""))
        return f"{self.route}: failed{at}: {self.reason}"


def failure_of(route: str, error: BaseException) -> Failure:
    """Read the op and its location from the frames that the error passed through."""
    op, location = next(_nodes(error), ("", ""))
    lines = str(error).strip().splitlines()
    return Failure(route, op, location, f"{type(error).__name__}: {_shortened(lines[0] if lines else 'no message')}")


def conversion_error(source: Source, failures: list[Failure]) -> ConversionError:
    """Return the error of a conversion for which every route failed; it speaks of the one that names an op."""
    telling = next((failure for failure in failures if failure.op), failures[0])
    return ConversionError(
        f"the source cannot be converted to Core ML{f': the converter stopped at {telling.op}' if telling.op else ''}",
        where=", ".join(part for part in (source.location, telling.location) if part),
        found="\n    ".join(str(failure) for failure in failures),
        next_step=next(step for pattern, step in _NEXT_STEPS if re.search(pattern, telling.reason)),
    )


def demanded_target(error: BaseException) -> str | None:
    """Return the deployment target that the error says is needed ("iOS17"), None where it says none."""
    named = re.findall(r"iOS(1[6-9]|2\d)", str(error))
    return f"iOS{max(named)}" if named else None


_OURS = str(Path(__file__).parents[1])
"""Where our own wrappers' lines are, which say nothing of the user's model."""

_NEXT_STEPS = (
    (
        r"not implemented|Unsupported fx node",
        "register a lowering with coremltools' register_torch_op before converting, or rewrite the op with others",
    ),
    (
        r"[Dd]ata.?dependent|GuardOn|control flow|Could not guard",
        "replace the branch on a tensor's value, for example with torch.where",
    ),
    (
        r"No available version for \w+ in the coremltools\.target\.iOS1[34] opset",
        "leave the neural network out, and convert to an ML Program, which has this op; or rewrite it with others",
    ),
    (r"rank|Rank", "reshape: Core ML holds tensors of at most 5 dimensions"),
    (r"", "rewrite this op in the model, or convert yourself and give the .mlpackage instead"),
)
"""What to try next, by the first pattern that the reason has."""


def _nodes(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield (op, location) of the nodes that frames of coremltools were at, the innermost first."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        node = frame.f_locals.get("node")
        if "coremltools" in frame.f_globals.get("__name__", "") and getattr(node, "meta", node) is not node:
            yield _op(node), _location(node)


def _op(node: Any) -> str:
    kind = getattr(node, "kind", None)
    return kind if isinstance(kind, str) else str(getattr(node, "target", ""))


def _location(node: Any) -> str:
    meta: Mapping[str, Any] = node.meta if isinstance(node.meta, Mapping) else {}
    stack = meta.get("nn_module_stack")
    module = next(reversed(stack.values()))[0] if stack else _traced_module(node)
    lines = re.findall(r'File "([^"]+)", line (\d+)', meta.get("stack_trace") or "")
    theirs = [line for line in lines if _OURS not in line[0]]
    source = ":".join(theirs[-1]) if theirs else ""
    return " at ".join(part for part in (_own(module), source) if part)


def _traced_module(node: Any) -> str:
    hierarchy = getattr(node, "model_hierarchy", None)
    return re.sub(r"\([^)]*\)", "", hierarchy) if isinstance(hierarchy, str) else ""


def _own(module: str) -> str:
    """Return the path within the user's module: the wrappers' own names come off."""
    path = re.sub(r"^L\['self'\]\.?", "", module)
    return re.sub(r"^(inner\.?)+", "", path)


def _shortened(text: str, length: int = 300) -> str:
    return text if len(text) <= length else f"{text[:length]}..."
