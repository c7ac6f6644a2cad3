"""Why tests of coremltools fail here: each row explains the failures that its two patterns match, and no other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.conformance.results import Result


@dataclass(frozen=True, slots=True)
class Entry:
    """One reason: whose fault it is, which tests and errors it explains (regular expressions), and why."""

    fault: str
    test: str
    error: str
    why: str

    def explains(self, result: Result) -> bool:
        """Return whether the entry is about this failure."""
        return bool(re.search(self.test, result.test) and re.search(self.error, result.reason))


FP16_VALUES = r"float16|fp16|FLOAT16"

LEDGER: Sequence[Entry] = (
    Entry(
        "coremltools' test",
        rf"'fp32'.*({FP16_VALUES})|({FP16_VALUES}).*'fp32'",
        r"Not equal to tolerance rtol=1e-05, atol=0\.0001.*Max absolute difference among violations: 0\.00",
        "The test declares inputs, weights or outputs as fp16, expects fp32 results, and compares at the tolerance for "
        "fp32, which is finer than fp16's spacing. Whether it fails depends on its random numbers, and so on the tests "
        "that ran before it. The 80 such tests that failed in shard 3/16 were run once more, in one order, twice: 71 "
        "failed, and 68 of these also with every value between held in fp32 (CONFORMANCE_PROFILE=fp32), where no "
        "engine can pass them. The other three are LSTMs; they pass then, and fail where states and results are "
        "rounded to the type that they are declared to have. The nine that passed are GRUs, and passed both times. "
        "Only INCLUDE_MIL_FP32_UNIT_TESTS makes coremltools run these variants.",
    ),
    Entry(
        "coremltools' test",
        r"TestNormalizationLocalResponseNorm::test_builder_to_backend_smoke.*'fp32'",
        r"Not equal to tolerance.*violations: 0\.0109",
        "For an even size the test expects a window of one channel; the stress test beside it compares with PyTorch's "
        "of two, and passes. At fp16's tolerance, the only one that coremltools runs, both pass.",
    ),
    Entry(
        "coremltools' test",
        r"TestResample::test_builder_to_backend_smoke.*'fp32'",
        r"assert 0 == 2",
        "The predictions agree; after them the test counts the casts to fp16, which a model in fp32 has not.",
    ),
    Entry(
        "coremltools' test",
        r"TestCropResize::test_builder_to_backend_ios1[67].*'fp32'",
        r"Not equal to tolerance.*violations: 0\.00099945",
        "The expected value is written as 7.899; linear interpolation gives 7.9. At fp16's tolerance both pass.",
    ),
    Entry(
        "coremltools' test",
        r"iOS15/test_image_resizing\.py::TestCropResize::test_builder_to_backend_smoke",
        r"Not equal to tolerance",
        "The box runs from 2 to 1 in coordinates that the op's own text limits to 0 to 1: upside down and outside "
        "of the image. Ours is 0 there; expected is the whole image's, by no rule that is written down.",
    ),
    Entry(
        "coremltools' test",
        r"TestArgSort::test_argsort.*'fp16'",
        r"Not equal to tolerance.*Mismatched elements: [246] / ",
        "Random numbers are sorted. Two that are nearer to each other than fp16's spacing are one in fp16, and change "
        "places. Which of these tests fails changes from run to run.",
    ),
    Entry(
        "coremltools' test",
        r"test_numpy_nn_layers\.py::NewLayersSimpleTest::test_topk_",
        r"not less than or equal to 0\.01 : Expected \[[\d. ]+\] to be within 0\.01 of \[[\d ]+\]",
        "Random whole numbers are sorted, and the indices compared with those of numpy's argsort, which puts equal "
        "numbers in no fixed order on processors with AVX-512. The values agree; ours takes the first of equals.",
    ),
    Entry(
        "coremltools' test",
        r"TestIndex::test_index_bool_indices.*'fp16'",
        r"Items are not equal",
        "Random numbers are compared with 0.5. One that is nearer to 0.5 than fp16's spacing becomes 0.5 in fp16, and "
        "the count of those above differs. Which of these tests fails changes from run to run.",
    ),
    Entry(
        "coremltools' test",
        r"TestGather::test_gather_nd_int16_indices.*'fp32'.*dynamic=True",
        r"assert False",
        "The prediction agrees; after it the test asks for a cast of the indices that the conversion in fp32 lacks.",
    ),
    Entry(
        "coremltools' test",
        r"TestLinearQuantizeWeights::test_quantization_conv_transpose_axis.*'fp32'",
        r"assert \['constexpr_a.*'cast'",
        "The test counts the casts to fp16, which a model in fp32 has not.",
    ),
    Entry(
        "coremltools' test",
        r"TestGraphPassManagement",
        r"'const'",
        "Constants that earlier tests of the same process left behind are counted; run alone the test passes.",
    ),
    Entry(
        "torch version",
        r"TestBatchNorm::test_batchnorm_dynamic_stress",
        r"running_mean and running_var must either both be None or neither",
        "This PyTorch refuses the source itself; nothing was converted.",
    ),
    Entry(
        "torch version",
        r"TestTorchao|TestPytorchQuantizedOps",
        r"zero_point_domain|has no attribute 'int\d_weight_only'|isIntList\(\) INTERNAL ASSERT",
        "The test calls an older torchao, or PyTorch's own tracer fails; nothing was converted.",
    ),
    Entry(
        "outside of what the engine runs",
        r"",
        r"the model is of type \w+, which the engine does not run",
        "The test needs a model type that no source in PyTorch becomes, such as a linear regressor. The engine refuses "
        "it by name.",
    ),
    Entry(
        "outside of what the engine runs",
        r"test_compiled_model\.py::TestCompiledModel::test_from_existing_mlmodel",
        r"This model was not loaded or compiled with the Core ML Framework",
        "The model is the linear regressor of the tests beside it, which the engine refused.",
    ),
    Entry(
        "outside of what the engine runs",
        r"",
        r"mlmodelc/model\.mil|'model\.mil' of the compiled model",
        "The test reads the text that Apple's own compiler writes into a compiled model. Ours copies the package.",
    ),
    Entry(
        "outside of what the engine runs",
        r"test_fusion_with_pad_reflective_op_1",
        r"Padding size should be less than the corresponding input dimension",
        "The test's network reflects 4 rows of an input that has 3; what Core ML makes of that is not documented.",
    ),
    Entry(
        "outside of what the engine runs",
        r"TestTorchvisionQuantizedModels",
        r"urlopen error",
        "The test downloads weights, and the machine had no way to them.",
    ),
    Entry(
        "torch version",
        r"",
        r"torchvision::\w+|name 'torchvision' is not defined|Couldn't load custom C\+\+ ops",
        "The test calls an operator that torchvision's compiled part brings, which does not exist for this PyTorch.",
    ),
    Entry(
        "torch version",
        r"test_torch_quantization_ops\.py",
        r"quantized::(conv|linear) ?\(qnnpack\): Expected (activation|input) data type QUInt8",
        "PyTorch itself does not run the source on this processor; nothing was converted.",
    ),
)


def explanation(result: Result) -> Entry | None:
    """Return the first entry that explains a failure, None where there is none."""
    return next((entry for entry in LEDGER if entry.explains(result)), None)
