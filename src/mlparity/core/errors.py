"""The error types: one root, and one child for each thing that the user must do next."""

from __future__ import annotations

from collections.abc import Callable

LONGEST = 4000
"""Characters of a text that is shown: a converter may answer with megabytes."""


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return `text`, or its first `longest` characters and how many were left out."""
    rest = len(text) - longest
    return text if rest <= 0 else f"{text[:longest]} ... [{rest:,} more characters are left out]"


class MlparityError(Exception):
    """An error that the user can correct; the command line prints it and exits with code 2.

    Every message has the same parts: what happened (`what`), `where`, what was `found`, what was `expected`, and the
    `next_step`. Empty parts are left out, and very long ones are shortened. The attributes hold the full texts.
    """

    def __init__(self, what: str, *, where: str = "", found: str = "", expected: str = "", next_step: str = "") -> None:
        """Keep the parts, so that a report can show them apart."""
        self.what, self.where, self.found = what, where, found
        self.expected, self.next_step = expected, next_step
        super().__init__(self._text())

    def __reduce__(self) -> tuple[Callable[..., MlparityError], tuple[object, ...]]:
        """Pickle the parts: a worker's error is told by another process."""
        return _rebuilt, (type(self), self.what, self.where, self.found, self.expected, self.next_step)

    @property
    def whole(self) -> str:
        """The message with all of its parts' texts, which the message itself shortens."""
        return self._text(max(map(len, (self.what, self.where, self.found, self.expected, self.next_step))))

    def _text(self, longest: int = LONGEST) -> str:
        parts = (("where", self.where), ("found", self.found), ("expected", self.expected), ("next", self.next_step))
        lines = [
            shortened(self.what, longest),
            *(f"  {head}: {shortened(text, longest)}" for head, text in parts if text),
        ]
        # A text of several lines stays within its part: none of its lines looks like another part, or a result.
        return "\n".join(line.replace("\n", "\n    ") for line in lines)


def _rebuilt(
    kind: type[MlparityError], what: str, where: str, found: str, expected: str, next_step: str
) -> MlparityError:
    return kind(what, where=where, found=found, expected=expected, next_step=next_step)


class InputError(MlparityError):
    """The samples cannot be used: missing, unreadable, empty, not finite, or with a wrong name, shape or type."""


class SourceError(MlparityError):
    """The PyTorch source cannot be loaded or run.

    For example its factory raises or returns no module, it is in training mode, or its outputs change from run to run.
    """


class FormatError(MlparityError):
    """A file cannot be read as what it should be, such as a model package, a weight file or a record."""


class UnsupportedOpError(MlparityError):
    """A program uses an op that the engine does not have; the message names the op, its opset and its location."""


class ExecutionError(MlparityError):
    """An op or a runtime failed while it ran; the message says where."""


class ConversionError(MlparityError):
    """A conversion failed; the message names the op, where it is in the model, and what to try next."""


class BackendUnavailableError(MlparityError):
    """A runtime or package that is needed is not installed, or does not exist for this platform."""


class PolicyError(MlparityError):
    """A policy is not valid: its file cannot be read, or it names a key, metric or setting that does not exist."""


class OutputError(MlparityError):
    """A result cannot be written: there is no space, no permission, or something else is at the path."""


class ResourceError(MlparityError):
    """The system refuses what the work needs: memory, or a file or folder that cannot be opened."""
