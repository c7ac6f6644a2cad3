"""Saves where Core ML runs each op of a model: python save_compute_plan.py MODEL.mlpackage CPU_AND_NE M4 OUT.json.

`mlparity verify --compute-plan OUT.json` then emulates that placement in place of guesses. It needs a Mac with macOS
14.4 or newer and coremltools 9; it was written from coremltools' documentation and has not been run on a Mac yet.
Source: https://apple.github.io/coremltools/source/coremltools.models.html (`MLComputePlan`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import coremltools as ct
from coremltools.models.compute_plan import MLComputePlan

PROCESSORS = {"MLCPUComputeDevice": "CPU", "MLGPUComputeDevice": "GPU", "MLNeuralEngineComputeDevice": "NE"}


def main() -> None:
    """Write the plan."""
    package, units, chip, out = sys.argv[1:]
    compiled = ct.models.utils.compile_model(package)
    plan = MLComputePlan.load_from_path(path=compiled, compute_units=ct.ComputeUnit[units])
    ops = []
    for operation in plan.model_structure.program.functions["main"].block.operations:
        usage = plan.get_compute_device_usage_for_mlprogram_operation(operation)
        if usage is not None and operation.outputs:
            device = type(usage.preferred_compute_device).__name__
            ops.append({"output": operation.outputs[0].name, "processor": PROCESSORS[device]})
    saved = {"format": "mlparity.compute_plan", "version": 1, "compute_units": units, "chip": chip, "ops": ops}
    Path(out).write_text(json.dumps(saved, indent=1) + "\n")


if __name__ == "__main__":
    main()
