"""Imports and runs coremltools without its chatter: log records, progress bars and warnings of a healthy conversion."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_WITH_PROGRESS = {
    "coremltools.converters.mil.frontend.torch.ops": "_tqdm",
    "coremltools.converters.mil.mil.passes.pass_pipeline": "tqdm",
    "coremltools.converters.mil.backend.nn.op_mapping": "_tqdm",
    "coremltools.optimize.coreml._quantization_passes": "tqdm",
}
"""The modules of coremltools 9 that draw progress bars in a conversion or a compression, and the name each calls."""


@contextmanager
def quiet() -> Iterator[Any]:
    """Yield the coremltools package; log records below CRITICAL, warnings and progress bars are off inside.

    What a failure has to say is in its exception.
    """
    with ExitStack() as stack:
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.ERROR)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        coremltools = importlib.import_module("coremltools")
        _tell_of_torchao()
        for module_name, name in _WITH_PROGRESS.items():
            module = importlib.import_module(module_name)
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, _without_bar)
        yield coremltools


def _tell_of_torchao() -> None:
    """Tell coremltools of a torchao that came after it: a source's own, whose ops it then converts.

    It looks once, when it is imported, into names of its own: version 9 has these.
    """
    dependencies: Any = importlib.import_module("coremltools._deps")
    if "torchao" in sys.modules and not dependencies._HAS_TORCHAO:
        ops: Any = importlib.import_module("coremltools.converters.mil.frontend.torch.quantization_ops")
        ops.torchao_quant = importlib.import_module("torchao.quantization.quant_primitives")
        dependencies._HAS_TORCHAO = ops._HAS_TORCHAO = True


def _without_bar(steps: Iterable[object], **_shown: object) -> Iterable[object]:
    return steps
