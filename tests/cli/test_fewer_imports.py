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


ASKING = {
    "an attribute": "found = coremltools.optimize.torch.palettization.PostTrainingPalettizer",
    "from its package": "from coremltools.optimize import torch\nfound = torch.palettization.PostTrainingPalettizer",
    "by its name": "from coremltools.optimize.torch.palettization import PostTrainingPalettizer as found",
}


@pytest.mark.parametrize("way", ASKING)
def test_compression_in_training_waits_until_it_is_asked_for(way: str) -> None:
    loaded = "'coremltools.optimize.torch' in sys.modules"
    code = f"""
import coremltools
assert not hasattr(coremltools.optimize, "no_such_part")
before = {loaded}, 'torch.distributed.fsdp' in sys.modules
{ASKING[way]}
print(*before, {loaded}, found.__name__, coremltools.optimize.coreml.__name__)
"""
    assert said(code) == "False False True PostTrainingPalettizer coremltools.optimize.coreml"


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
