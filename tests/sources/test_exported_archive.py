"""A `.pt2` file is looked at before PyTorch loads it: what would run as Python is refused, what is plain loads."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from mlparity.core.errors import SourceError
from mlparity.sources import pickled
from mlparity.sources.expressions import is_expression, is_guard, is_operator
from mlparity.sources.saved import load_saved, load_state

MARK = "executed"
CALL = f"__import__('pathlib').Path('{MARK}').touch()"
MODEL, WEIGHTS = "models/model.json", "data/weights/model_weights_config.json"
CONSTANTS, SAMPLES = "data/constants/model_constants_config.json", "data/sample_inputs/model.pt"

Members = dict[str, bytes]


class Bomb:
    """Its pickle touches a file where it is loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path(MARK),)


class Tailored(nn.Module):
    def forward(self, x: torch.Tensor, *, y: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        rows = x.shape[0]
        return {"sum": (x + y["a"]).reshape(-1).sum() * rows, "zeros": torch.zeros((rows + 3) // 2)}


@pytest.fixture(scope="module")
def members() -> Members:
    """A program with a shape that is open, so with expressions and guards."""
    rows = torch.export.Dim("rows", min=2, max=64)
    example = torch.ones(4, 6)
    program = torch.export.export(
        Tailored(), (example,), {"y": {"a": example}}, dynamic_shapes={"x": {0: rows}, "y": {"a": {0: rows}}}
    )
    file = io.BytesIO()
    torch.export.save(program, file)
    with zipfile.ZipFile(file) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def written(members: Members, path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(f"archive/{name}", data)
    return path


def with_json(members: Members, name: str, edit: Callable[[dict], object]) -> Members:
    data = json.loads(members[name])
    edit(data)
    return {**members, name: json.dumps(data).encode()}


def _payload(name: str, *, pickled: bool) -> dict[str, object]:
    return {"path_name": name, "is_param": False, "use_pickle": pickled, "tensor_meta": None}


def _first_expression(value: object) -> dict[str, object]:
    found = [value]
    while found:
        each = found.pop()
        if isinstance(each, dict) and "expr_str" in each:
            return each
        found += [*each.values()] if isinstance(each, dict) else each if isinstance(each, list) else []
    raise AssertionError("no expression")


def _graph(model: dict) -> dict:
    return model["graph_module"]["graph"]


def _set_spec(model: dict, context: object) -> None:
    tree = {"type": "builtins.dict", "context": json.dumps(context), "children_spec": []}
    model["graph_module"]["module_call_graph"][0]["signature"]["in_spec"] = json.dumps([1, tree])


def _rename_placeholder(model: dict) -> None:
    _graph(model)["inputs"][0]["as_tensor"]["name"] = f"x\n    {CALL}\n    y"


BOMB = pickle.dumps(Bomb(), 2)
HOSTILE: dict[str, Callable[[Members], Members]] = {
    "sample inputs": lambda all_: {**all_, SAMPLES: BOMB},
    "weights of the older form": lambda all_: {**all_, "data/weights/model.pt": BOMB},
    "constants of the older form": lambda all_: {**all_, "data/constants/model.pt": BOMB},
    "a pickled weight": lambda all_: {
        **with_json(all_, WEIGHTS, lambda each: each["config"].update(w=_payload("weight_9", pickled=True))),
        "data/weights/weight_9": BOMB,
    },
    "a pickled constant": lambda all_: {
        **with_json(all_, CONSTANTS, lambda each: each["config"].update(w=_payload("tensor_9", pickled=True))),
        "data/constants/tensor_9": BOMB,
    },
    "an opaque object": lambda all_: {
        **with_json(all_, CONSTANTS, lambda each: each["config"].update(w=_payload("opaque_obj_9", pickled=True))),
        "data/constants/opaque_obj_9": BOMB,
    },
    "a custom object": lambda all_: {
        **with_json(all_, CONSTANTS, lambda each: each["config"].update(w=_payload("custom_obj_9", pickled=True))),
        "data/constants/custom_obj_9": BOMB,
    },
    "compiled code": lambda all_: {**all_, "data/aotinductor/model/model.so": b"\x7fELF"},
    "a shape": lambda all_: with_json(all_, MODEL, lambda each: _first_expression(each).update(expr_str=CALL)),
    "a guard": lambda all_: with_json(all_, MODEL, lambda each: each["guards_code"].append(f"{CALL} is None")),
    "a guard's quotes": lambda all_: with_json(
        all_, MODEL, lambda each: each["guards_code"].append(f"L['x\" + str({CALL}) + \"'] == 1")
    ),
    "an op": lambda all_: with_json(
        all_, MODEL, lambda each: _graph(each)["nodes"][0].update(target="torch.os.system")
    ),
    "an enum": lambda all_: with_json(all_, MODEL, lambda each: _set_spec(each, [{"__enum__": 1, "fqn": "this:c"}])),
    "an escaped enum": lambda all_: with_json(
        all_, MODEL, lambda each: _set_spec(each, {"metadata": {"__enum__": 1, "fqn": "this:c", "name": "x"}})
    ),
    "a default factory": lambda all_: with_json(
        all_, MODEL, lambda each: _set_spec(each, {"default_factory_module": "this", "default_factory_name": "c"})
    ),
    "a placeholder's name": lambda all_: with_json(all_, MODEL, _rename_placeholder),
    "a weight's name": lambda all_: with_json(
        all_, WEIGHTS, lambda each: each["config"].update({f'w"); {CALL}; ("': _payload("weight_0", pickled=False)})
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_would_run_is_refused_and_not_run(
    kind: str, members: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="would run code that it brings") as caught:
        load_saved(written(HOSTILE[kind](members), tmp_path / "model.pt2"))
    assert "--trust" in caught.value.next_step
    assert not Path(MARK).exists()


def test_a_pickle_is_loaded_where_it_is_trusted(
    members: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = written({**members, SAMPLES: BOMB}, tmp_path / "model.pt2")
    with pytest.raises(SourceError, match="cannot be loaded"):  # PyTorch finds no inputs in it, after running it
        load_saved(path, trust=True)
    assert Path(MARK).exists()


def test_an_ordinary_program_with_open_shapes_needs_no_flag(members: Members, tmp_path: Path) -> None:
    module = load_saved(written(members, tmp_path / "model.pt2"))
    assert set(module.module(torch.ones(5, 6), y={"a": torch.ones(5, 6)})) == {"sum", "zeros"}


class Switch(nn.Module):
    """Buffers, a constant, a branch, and an argument that is no tensor."""

    table: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(3, dtype=torch.complex64))
        self.constant = torch.ones(3)

    def forward(self, x: torch.Tensor, label: str = "it's (a) text") -> tuple[torch.Tensor, ...]:
        chosen = torch.cond(x.sum() > 0, lambda v: v + 1, lambda v: v - 1, (x,))
        return chosen, torch.view_as_real(self.table), self.constant + 1


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv1d(2, 4, 3, padding=1),
        nn.TransformerEncoderLayer(3, 1, batch_first=True),
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(2)),
        Switch(),
    ],
    ids=lambda module: type(module).__name__,
)
def test_ordinary_programs_need_no_flag(module: nn.Module, tmp_path: Path) -> None:
    program = torch.export.export(module.eval(), (torch.ones(1, 2, 3),))
    torch.export.save(program, tmp_path / "model.pt2")
    assert load_saved(tmp_path / "model.pt2").kind == "pt2"


def test_a_program_of_values_known_when_it_runs_needs_no_flag(tmp_path: Path) -> None:
    class Counted(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            count = x.sum().to(torch.int64).item()
            torch._check(count >= 1)
            torch._check(count < 50)
            return torch.zeros(count + 1)  # type: ignore[arg-type]  # an int64 tensor has whole items

    torch.export.save(torch.export.export(Counted(), (torch.ones(4),)), tmp_path / "model.pt2")
    assert load_saved(tmp_path / "model.pt2").kind == "pt2"


def _twice(members: Members, path: Path) -> Path:
    written(members, path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"archive/{SAMPLES}", BOMB)
    return path


ARCHIVES: dict[str, Callable[[Members, Path], Path]] = {
    "two members of one name": _twice,
    "a name that leads out": lambda members, path: written({**members, "../../evil": b""}, path),
    "a member that unpacks to more than it may": lambda members, path: written(
        {**members, "data/weights/zeros": bytes(100_000)}, path, zipfile.ZIP_DEFLATED
    ),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_that_pytorch_does_not_write_is_refused(
    kind: str, members: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickled, "_COMPRESSED_BYTES", 99_999)
    path = ARCHIVES[kind](members, tmp_path / "model.pt2")
    for load in (load_saved, lambda each: load_saved(each, trust=True)):
        with pytest.raises(SourceError, match="cannot be loaded"):
            load(path)


def test_weights_that_unpack_to_more_than_they_may_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickled, "_COMPRESSED_BYTES", 99_999)
    path = written({"data.pkl": bytes(100_000)}, tmp_path / "weights.pth", zipfile.ZIP_DEFLATED)
    with pytest.raises(SourceError, match="members claim"):
        load_state(path)


@pytest.mark.parametrize(
    "text",
    ["2*s0 + Max(1, s1)", "FloorDiv(Symbol('s0', integer=True), Integer(2))", "s0**2 >= 4", "Pow(s0, Integer(2))"],
)
def test_shapes_are_expressions(text: str) -> None:
    assert is_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        *("exit()", "open('x')", "print(1)", "().__class__", "s0.size()", "'text'", "9**9**9", "lambda: 1", "f(s0)"),
        *(
            "Max('exit()', 1)",
            "Symbol('a', b='exit()')",
            "[x for x in y]",
            "_a",
            "s0; s1",
            "",
            "(" * 5000,
            "Pow(9, 999)",
        ),
    ],
)
def test_other_python_is_no_expression(text: str) -> None:
    assert not is_expression(text)


def test_guards_have_subscripts_and_methods_of_tensors() -> None:
    assert is_guard("L['y']['a'].size()[0] == L['x'].size()[0]")
    assert is_guard("((-1) + L['flat_args'][1].size()[0]) != 1")
    assert not is_guard("L['x'].__class__() == 1")
    assert not is_guard("L['x'].tofile('y') == 1")
    assert not is_guard("L['x\"'] == 1")


@pytest.mark.parametrize(
    "text",
    [
        *("torch.ops.aten.add.Tensor", "torch.ops.aten.__and__.Tensor", "torch.ops.higher_order.cond", "_operator.add"),
        *("math.ceil", "torch.sym_float", "torch.ops.aten._softmax.default"),
    ],
)
def test_ops_are_known_by_their_names(text: str) -> None:
    assert is_operator(text)


@pytest.mark.parametrize(
    "text",
    [
        *("torch.os.system", "torch.ops.load_library", "torch.ops.aten.__class__", "_operator.attrgetter", "os.system"),
        *("_operator.call", "#ext:op", "torch.load", "torch.ops.aten.from_file.default", ""),
        *("math.__loader__", "torch.hub.load", "torch.ops.aten.add.__call__"),
    ],
)
def test_other_functions_are_no_ops(text: str) -> None:
    assert not is_operator(text)
