"""The error types: one root, and one child for each thing that the user must do next."""

from __future__ import annotations

LONGEST = 4000
"""Characters of a text that is shown: a converter may answer with megabytes."""


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return `text`, or its first `longest` characters and how many were left out."""
    rest = len(text) - longest
    return text if rest <= 0 else f"{text[:longest]} ... [{rest:,} more characters are left out]"


class MlparityError(Exception):
    """A failure that the user can act on; the command line prints it and exits with code 2.

    The message is built from the same parts everywhere: what happened, where, what was found
    against what was expected, and what to do next. Empty parts are left out, and long ones shortened; the
    attributes hold them whole.
    """

    def __init__(self, what: str, *, where: str = "", found: str = "", expected: str = "", next_step: str = "") -> None:
        """Keep the parts, so that a report can show them apart."""
        self.what, self.where, self.found = what, where, found
        self.expected, self.next_step = expected, next_step
        super().__init__(self._text())

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


class InputError(MlparityError):
    """The samples cannot be used: missing, unreadable, empty, not finite, or of another name, shape or type."""


class SourceError(MlparityError):
    """The source cannot be loaded or run: a factory that raises, no module, training mode, changing outputs."""


class FormatError(MlparityError):
    """A file is not what it should be: a package, a spec, a weight file or a record that cannot be read."""


class UnsupportedOpError(MlparityError):
    """A program uses an op that the engine has not; the text names the op, its opset and its location."""


class ExecutionError(MlparityError):
    """An op refused its inputs while running; the text names the op and its location."""


class ConversionError(MlparityError):
    """A converter failed; the text names the op, where it is in the model, and what to try next."""


class BackendUnavailableError(MlparityError):
    """A runtime or a package that a step needs is not installed or not offered on this platform."""


class PolicyError(MlparityError):
    """A policy file cannot be read, or names a metric or a setting that does not exist."""


class OutputError(MlparityError):
    """A result could not be written: no space, no permission, or something else is at the path."""


class ResourceError(MlparityError):
    """The system refuses what the work needs: memory, or a file or folder that it cannot open."""
