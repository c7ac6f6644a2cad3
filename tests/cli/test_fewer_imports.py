"""A command imports what it uses; coremltools' question for other packages is answered without them."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGIN = "from mlparity.cli.fewer_imports import import_fewer\nimport_fewer()\nimport sys\n"


def said(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_coremltools_comes_alone() -> None:
    loaded = "{'torchao', 'transformers', 'torchvision', 'tensorflow'} & set(sys.modules)"
    assert said(f"import coremltools.converters.mil.frontend.torch\nprint({loaded})") == "set()"


def test_code_of_the_user_s_imports_them() -> None:
    pytest.importorskip("transformers")
    assert said("import coremltools\nimport transformers\nprint('transformers' in sys.modules)") == "True"


def test_a_source_s_torchao_is_told_to_coremltools() -> None:
    pytest.importorskip("torchao")
    code = """
import coremltools, torchao
from mlparity.targets.coreml.quiet_coremltools import quiet
from coremltools.converters.mil.frontend.torch import quantization_ops
before = quantization_ops._HAS_TORCHAO
with quiet():
    print(before, quantization_ops._HAS_TORCHAO, quantization_ops.torchao_quant.__name__)
"""
    assert said(code) == "False True torchao.quantization.quant_primitives"
