"""What leaves a public function: its result, or an error of ours with a type."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from mlparity.core.errors import MlparityError, ResourceError, SourceError
from mlparity.core.user_code import raised_at, said

P = ParamSpec("P")
R = TypeVar("R")

_TORCH_SAYS = ("can't allocate memory", "not enough memory", "Cannot allocate memory")
"""How PyTorch words a shortage in a `RuntimeError`. Source: torch 2.13, c10/core/impl/alloc_cpu.cpp."""


def typed_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Let what `function` raises of memory, of files, and of other code that exits, be an error of ours.

    The user's code runs where nothing of ours calls it: a converter runs a model's `forward` too.
    """

    @functools.wraps(function)
    def typed(*args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True  # pytest shows the user's test instead
        try:
            return function(*args, **kwargs)
        except MlparityError:
            raise
        except (MemoryError, RuntimeError) as error:
            if not is_shortage(error):
                raise
            raise _shortage(error) from error
        except OSError as error:
            raise (_shortage(error) if is_shortage(error) else _refused(error)) from error
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise SourceError(
                "other code ended the program",
                where=f"raised at {raised_at(error)}",
                found=said(error),
                expected="code that returns, or raises an exception",
                next_step="take the exit out",
            ) from error

    return typed


def is_shortage(error: BaseException) -> bool:
    """Tell whether an exception says that memory ran out, in the words of Python, numpy, PyTorch or the system."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or any(text in str(error) for text in _TORCH_SAYS)


def _refused(error: OSError) -> ResourceError:
    return ResourceError(
        "a file or a folder cannot be used",
        where="" if error.filename is None else str(error.filename),
        found=said(error) if error.strerror is None else error.strerror,
        expected="a name that the system takes, and the right to use it",
        next_step="check the paths",
    )


def _shortage(error: BaseException) -> ResourceError:
    return ResourceError(
        "memory ran out",
        where=f"raised at {raised_at(error)}",
        found=said(error),
        next_step="use a machine with more memory, smaller inputs, or fewer settings at once",
    )
