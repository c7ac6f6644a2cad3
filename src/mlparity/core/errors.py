"""The error types: one root, and one child for each thing that the user must do next."""

from __future__ import annotations


class MlparityError(Exception):
    """A failure that the user can act on; the command line prints it and exits with code 2.

    The message is built from the same parts everywhere: what happened, where, what was found
    against what was expected, and what to do next. Empty parts are left out.
    """

    def __init__(self, what: str, *, where: str = "", found: str = "", expected: str = "", next_step: str = "") -> None:
        """Keep the parts, so that a report can show them apart."""
        self.what, self.where, self.found = what, where, found
        self.expected, self.next_step = expected, next_step
        super().__init__(self._text())

    def _text(self) -> str:
        parts = (("where", self.where), ("found", self.found), ("expected", self.expected), ("next", self.next_step))
        return "\n".join([self.what, *(f"  {head}: {text}" for head, text in parts if text)])


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
    """A result could not be written: no space, no permission, or the place is taken."""
