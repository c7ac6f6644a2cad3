"""Ray, started on this machine or joined: quiet, and with errors that say what to do."""

from __future__ import annotations

import io
import logging
import os
import shutil
import signal
import socket
import tempfile
import warnings
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from mlparity.core.errors import BackendUnavailableError, ExecutionError, MlparityError, OutputError
from mlparity.core.regular_files import SMALL, read_regular
from mlparity.execution.address import Address

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
}
"""Read by Ray as it is imported and started: nothing is sent to its makers, and nothing is printed."""

_LONGEST_FOLDER = 40
"""Characters of the folder for Ray's own files: the names of its sockets have 107 in all."""

_CURRENT = Path("ray/ray_current_cluster")
"""Where `ray start` notes its address, below the folder for temporary files."""

_ANSWER_S = 10.0

_NEXT_STEP = (
    "check the address and `ray status`; where the cluster asks for a token, set RAY_AUTH_MODE=token and have its"
    " ~/.ray/auth_token here; --ray local starts workers on this machine"
)
"""Ray 2.60 says of a missing token no more than that it cannot connect, and sends none to an address that was given.

Source: https://docs.ray.io/en/latest/ray-security/token-auth.html, and `ray.init` of 2.60.
"""

_PATIENT = {"health_check_initial_delay_ms": 60_000, "health_check_failure_threshold": 100}
"""A machine that is busy is not taken for one that is lost; a process that ends is noticed by its connection."""

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def ray_module() -> ModuleType:
    """Return Ray.

    Raises:
        BackendUnavailableError: it is not installed.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise BackendUnavailableError(
            "workers need Ray", found=str(error), next_step="pip install 'mlparity[ray]', or leave out --ray"
        ) from error
    found: ModuleType = ray
    return found


@contextmanager
def connected(address: Address) -> Iterator[None]:
    """Start Ray or join a cluster for the block; one that this process has joined before stays joined.

    Raises:
        BackendUnavailableError: Ray is not installed.
        ExecutionError: nobody answers there, or its versions are others.
    """
    ray = ray_module()
    if ray.is_initialized():
        yield
        return
    folder = tempfile.mkdtemp(prefix="mlp_")
    try:
        _connect(ray, address, folder)
        yield
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _connect(ray: ModuleType, address: Address, folder: str) -> None:
    handlers = {number: signal.getsignal(number) for number in _STOPPING}
    try:
        _check_answers(address)
        with _without_messages(ray), warnings.catch_warnings():
            # JAX, which LiteRT's converter loads, warns of forks; Ray's children become other programs at once.
            warnings.filterwarnings("ignore", message=r"os\.fork\(\) was called", category=RuntimeWarning)
            ray.init(**_options(address, folder), log_to_driver=False, logging_level=logging.CRITICAL)
    except ImportError as error:
        raise BackendUnavailableError(
            "Ray lacks its client", found=str(error), next_step="pip install 'mlparity[ray]'"
        ) from error
    except Exception as error:  # Ray raises any type, also RuntimeError for other versions
        raise ExecutionError(
            "no workers can be had from Ray",
            where=f"--ray {address.text}",
            found=f"{type(error).__name__}: {error}",
            expected="a cluster that answers, with the same versions of Python and Ray",
            next_step=_NEXT_STEP,
        ) from error
    finally:
        for number, handler in handlers.items():  # Ray has put its own in their place
            _put_back(number, handler)


@contextmanager
def _without_messages(ray: ModuleType) -> Iterator[None]:
    """Let Ray start no thread that prints to stdout what became of a worker: no option of 2.60 turns it off."""
    home, name = ray._private.worker, "listen_error_messages"
    before = getattr(home, name, None)
    if before is None:
        yield
        return
    setattr(home, name, lambda *_, **__: None)
    try:
        yield
    finally:
        setattr(home, name, before)


def _check_answers(address: Address) -> None:
    """Check that somebody listens: Ray itself would wait for minutes.

    Raises:
        OSError: nobody does.
    """
    text = address.text
    if text == "auto":
        text = os.environ.get("RAY_ADDRESS", "") or _last_started()
    host, _, port = text.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal() and address.workers is None:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()


def _last_started() -> str:
    """Return the address of the cluster that was started last on this machine, "" where there is none."""
    try:
        return read_regular(tempfile.gettempdir() / _CURRENT, limit=SMALL).decode().strip()
    except (OSError, ValueError, MlparityError):
        return ""


def _put_back(number: int, handler: Any) -> None:
    try:
        signal.signal(number, handler)
    except (ValueError, TypeError):  # not in the main thread, where Ray has put none
        return


def _options(address: Address, folder: str) -> Mapping[str, object]:
    if address.workers is None:
        return {"address": address.text}
    own = {"_temp_dir": folder} if len(folder) <= _LONGEST_FOLDER else {}
    patient = {"_system_config": dict(_PATIENT)}
    return {"address": "local", "num_cpus": address.workers, "include_dashboard": False, **own, **patient}


def stored(value: object) -> Any:
    """Put a value into the object store and return its reference.

    Raises:
        OutputError: the store has no room for it.
    """
    ray = ray_module()
    try:
        return ray.put(value)
    except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError) as error:
        raise store_is_full(error) from error


def store_is_full(error: Exception) -> OutputError:
    """Return the error that says so."""
    return OutputError(
        "Ray's object store is full",
        found=f"{type(error).__name__}: {error}",
        expected="room for the artifacts and a few blocks of samples",
        next_step="free disk space on that machine, or start Ray there with a larger --object-store-memory",
    )


def fetched(reference: Any) -> Any:
    """Return the value of a reference, in any process of the cluster."""
    return ray_module().get(reference)


Reducers = Mapping[type, Callable[[Any], tuple[Callable[..., object], tuple[object, ...]]]]
"""How objects of a type are pickled that Python cannot pickle by itself."""


def packed(value: object, modules: tuple[ModuleType, ...], reducers: Reducers) -> bytes:
    """Pickle a value, and what it takes from `modules` as code: other machines may not have them.

    Raises:
        Exception: a part of it does not pickle, with the type that this part raises.
    """
    pickling, held = ray_module().cloudpickle, io.BytesIO()
    for module in modules:
        pickling.register_pickle_by_value(module)
    try:
        table = ChainMap(dict(reducers), pickling.CloudPickler.dispatch_table)
        type("Pickler", (pickling.CloudPickler,), {"dispatch_table": table})(held).dump(value)
        return held.getvalue()
    finally:
        for module in modules:
            pickling.unregister_pickle_by_value(module)


def unpacked(data: bytes) -> Any:
    """Return what was packed."""
    return ray_module().cloudpickle.loads(data)
