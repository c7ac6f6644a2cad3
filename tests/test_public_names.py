"""The public names: each loads, and all that a public signature needs is public too."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import typing
from collections.abc import Iterator

import mlparity

# Types that a signature names and nobody has to build or take apart, each with its reason.
OPAQUE = {
    "ComputePlan": "read from a file that Core ML saved: --compute-plan",
}


def named_in(annotation: object) -> Iterator[type]:
    """Yield the classes that an annotation is made of."""
    if isinstance(annotation, type):
        yield annotation
    for argument in typing.get_args(annotation):
        for each in argument if isinstance(argument, list | tuple) else (argument,):
            yield from named_in(each)


def hints_of(thing: object) -> dict[str, object]:
    """Return the annotations of a function or class with what only type checkers import."""
    from mlparity.engine.placement.compute_plan import ComputePlan

    module = importlib.import_module(thing.__module__)
    return typing.get_type_hints(thing, {**vars(module), "ComputePlan": ComputePlan})


def needed(names: list[str]) -> set[str]:
    """Return the names of all classes of the product that these public names lead to."""
    waiting = [getattr(mlparity, name) for name in names if name != "__version__"]
    seen: set[object] = set()
    while waiting:
        thing = waiting.pop()
        if not (inspect.isfunction(thing) or dataclasses.is_dataclass(thing)) or thing in seen:
            continue
        seen.add(thing)
        found = [each for hint in hints_of(thing).values() for each in named_in(hint)]
        waiting += [each for each in found if each.__module__.startswith("mlparity.")]
    return {each.__name__ for each in seen if inspect.isclass(each)}


def test_every_public_name_loads() -> None:
    assert all(getattr(mlparity, name) is not None for name in mlparity.__all__)
    assert set(mlparity.__all__) <= {*dir(mlparity), "__version__"}


def test_what_public_signatures_need_is_public() -> None:
    found = needed(list(mlparity.__all__))
    assert {"VerifyOptions", "Record", "SettingResult", "Policy"} <= found
    assert found - {*mlparity.__all__} == OPAQUE.keys()


def test_the_errors_that_are_raised_are_public() -> None:
    from mlparity.core import errors

    raised = {name for name, each in vars(errors).items() if inspect.isclass(each) and issubclass(each, Exception)}
    assert raised <= {*mlparity.__all__}


def test_every_public_name_says_what_it_is() -> None:
    things = {name: getattr(mlparity, name) for name in mlparity.__all__ if name not in ("__version__", "Progress")}
    assert [name for name, thing in things.items() if "." not in (thing.__doc__ or "")] == []
