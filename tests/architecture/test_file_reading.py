"""Files that somebody named are opened in one place, which takes ordinary files alone."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.modules import ROOT, Module, modules

HOME = "mlparity.core.regular_files"

# Calls that open a file: by their last name, or by their last two where the last alone says too little.
READING = {
    *("read_text", "read_bytes", "fromfile", "memmap", "mmap", "genfromtxt", "loadtxt", "run_path"),
    *("builtins.open", "os.open", "io.open", "np.load", "torch.load", "jit.load", "export.load", "tomllib.load"),
    *("json.load", "pickle.load", "image_module.open", "zipfile.ZipFile", "load_file", "InferenceSession"),
    *("Interpreter", "AIModelAsset.load", "copyfile", "copytree", "exec_module"),
}

# A file, the call, and why it may open what it opens.
ALLOWED = {
    "mlparity.sessions.scripts: run_path": "the script is checked before",
    "mlparity.verification.artifacts: copyfile": "the artifact is checked before",
    "mlparity.verification.blocks_elsewhere: jit.load": "what the process that sums has sent",
    "mlparity.verification.blocks_elsewhere: fromfile": "our own results, and artifacts that were checked before",
    "mlparity.verification.weight_damage: np.load": "an array that was kept there",
    "mlparity.verification.artifacts: copytree": "the artifact's members are checked before",
    "mlparity.core.linking: copyfile": "the file is checked before",
    "mlparity.core.linking: copytree": "the folder's members are checked before",
    "mlparity.targets.coreai.worker: AIModelAsset.load": "the model's members are checked before, in `coreai`",
    "mlparity.targets.coreai.widened: AIModelAsset.load": "as above",
    "mlparity.sessions.isolated: open": "the log that we let a process write",
    "mlparity.targets.litert.session: Interpreter": "the file is checked before",
    "mlparity.targets.litert.quantization: Interpreter": "the file is read before, and checked by that",
    "mlparity.targets.onnx.session: InferenceSession": "the file is checked before",
    "mlparity.targets.litert.trace: Interpreter": "a session of the file was opened before",
    "mlparity.targets.onnx.trace: InferenceSession": "a copy in memory of a file that is checked before",
    "mlparity.cli.fewer_imports: exec_module": "coremltools' own module",
    "mlparity.cli.terminal: open": "a descriptor of our own, or the null device",
    "mlparity.cli.watch: os.open": "the null device",
    "mlparity.cli.github: open": "written to, and checked before",
    "mlparity.core.claims: os.open": "a new file of our own",
    "mlparity.core.quiet: open": "the null device",
    "mlparity.core.user_code: exec_module": "the file is checked before",
    "mlparity.engine.coremltools_binding: copyfile": "the file that was loaded just before",
    "mlparity.engine.mil.compiled: copyfile": "the spec of a package whose members were checked",
    "mlparity.engine.mil.compiled: copytree": "the members of the package were checked",
    "mlparity.engine.mil.load_constraints: open": "a table of this package",
    "mlparity.engine.mil.spec: exec_module": "coremltools' own modules",
    "mlparity.engine.mil.weights: mmap": "a file that was opened there",
    "mlparity.engine.placement.gates: open": "a table of this package",
    "mlparity.engine.placement.throughput: open": "a table of this package",
    "mlparity.record.outputs: zipfile.ZipFile": "a file that was opened there, or one that is written",
    "mlparity.record.outputs: open": "a member of such a file",
    "mlparity.report.html: read_text": "a template of this package",
    "mlparity.samples.arrays: np.load": "a file that was opened there",
    "mlparity.samples.arrays: load_file": "the file is checked before",
    "mlparity.samples.images: image_module.open": "a file that was opened there",
    "mlparity.samples.saved: open": "a member of an archive that was opened there",
    "mlparity.samples.saved: zipfile.ZipFile": "a file that was opened there",
    "mlparity.sources.pickled: torch.load": "a file that was opened before",
    "mlparity.sources.pickled: zipfile.ZipFile": "a file that was opened before",
    "mlparity.sources.saved: torch.load": "a file that was opened there",
    "mlparity.targets.coreml.functions: copytree": "a package whose members were checked before",
    "mlparity.targets.coreml.functions: copyfile": "a member of such a package",
    "mlparity.sources.saved: jit.load": "a file that was opened there",
    "mlparity.sources.saved: export.load": "a file that was opened there",
    "mlparity.sources.saved: load_file": "the file is checked before",
}


def opened(module: Module) -> set[str]:
    """Return the calls of a module that open a file."""
    return {f"{module.name}: {name}" for call in ast.walk(module.tree) if (name := _reading(call))}


def _reading(call: ast.AST) -> str:
    if not isinstance(call, ast.Call):
        return ""
    if isinstance(call.func, ast.Name):
        return call.func.id if call.func.id in READING | {"open"} else ""
    if not isinstance(call.func, ast.Attribute):
        return ""
    name, owner = call.func.attr, ast.unparse(call.func.value).rpartition(".")[2]
    if name == "open" and owner in SESSIONS:
        return ""
    both = f"{owner}.{name}"
    return both if both in READING else name if name in READING | {"open"} else ""


# `open` of these loads a model from a path that they check themselves.
SESSIONS = {"session", "torch_session", "torch_backend", "recorded"}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_file_is_opened_in_one_place(module: Module) -> None:
    found = opened(module) if module.name != HOME else set()
    assert found - set(ALLOWED) == set()


def test_the_list_names_nothing_that_is_gone() -> None:
    found = {call for module in modules() for call in opened(module)}
    assert set(ALLOWED) - found == set()


@pytest.mark.parametrize(
    "line", ["open(path)", "path.open('rb')", "Path(path).read_text()", "np.load(path)", "torch.load(path)"]
)
def test_a_file_that_is_opened_elsewhere_is_found(line: str) -> None:
    assert opened(Module("mlparity.compare.wrong", ROOT / "wrong.py", ast.parse(line)))
