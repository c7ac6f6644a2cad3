from __future__ import annotations

import subprocess
import sys

import coremltools

from mlparity.engine.mil import spec

ALONE = """
import sys
from mlparity.engine.mil.spec import proto
assert proto("Model").Model.DESCRIPTOR.full_name == "CoreML.Specification.Model"
sys.exit("coremltools" in sys.modules or "torch" in sys.modules)
"""


def test_a_spec_is_parsed_without_importing_coremltools() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", ALONE], check=True, timeout=60)


def test_the_classes_are_coremltools_own_either_way() -> None:
    spec._import_alone()
    assert sys.modules[f"{spec._ALONE}.Model_pb2"].Model is coremltools.proto.Model_pb2.Model
    assert spec.proto("Model").Model is coremltools.proto.Model_pb2.Model
