"""Loads samples: what the user typed to a `SampleSet`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

from mlparity.core.errors import InputError
from mlparity.core.names import checked_name
from mlparity.core.progress import Progress, silent
from mlparity.core.session import SampleSet
from mlparity.samples import images
from mlparity.samples.arrays import READERS, ArraySamples, tells_steps
from mlparity.samples.functions import function_samples, user_function
from mlparity.samples.images import ImageSamples, Preprocess
from mlparity.samples.preprocess import PRESETS, ImagePreprocess, preprocess_named

_KINDS = "an images folder, .npy, .npz or .safetensors files, a folder of them, or module:function"


def load_samples(
    spec: str | Path,
    *,
    input_names: Sequence[str] = (),
    preprocess: ImagePreprocess | Preprocess | str = "",
    rows: bool = False,
    limit: int | None = None,
    finite: bool = True,
    progress: Progress = silent,
) -> SampleSet:
    """Return the samples that `spec` names: a file, a folder of files of one kind, `module:name` or `file.py:name`.

    Files come in the order of their names. A folder may hold one folder of pictures for each class: then one of each
    class comes in turn, and a sample's name is `CLASS/FILE`. `input_names` are the model's inputs: its only one takes
    pictures and `.npy` arrays. `preprocess` is a preset, a TOML file, `module:function` of a picture, or such an
    object. With `rows` an array file is cut along axis 0 into samples; otherwise a file is one sample, or samples of
    several steps where its keys are `STEP/NAME` or `SAMPLE/STEP/NAME`. `limit` keeps the first samples.
    Without `finite`, arrays may hold NaN, as saved outputs do.
    `progress` hears how many samples a function has yielded.

    Raises:
        InputError: nothing there, an empty folder, files of two kinds, or pictures without a preprocessing.
    """
    text = str(spec)
    path = Path(text)
    if not path.exists() and ":" in text and not text.endswith(":"):
        return function_samples(text, limit, progress)
    files = _files(path)
    only = next(iter(input_names)) if len(input_names) == 1 else ""
    if all(_kind(file) == "picture" for file in files):
        return _images(files[:limit], path, only, preprocess)
    is_stepped = finite and not rows and tells_steps(files[0], only)
    kind = "array files, cut into rows" if rows else "array files of steps" if is_stepped else "array files"
    return ArraySamples(files, only, _described(files, path, kind), rows, finite, limit, has_steps=is_stepped)


def _files(path: Path) -> tuple[Path, ...]:
    if not path.exists():
        raise InputError(f"there is no {path}", expected=_KINDS)
    candidates = sorted(path.iterdir()) if path.is_dir() else [path]
    usable = _usable(candidates) or (_by_class(path) if path.is_dir() else ())
    for file in usable:
        checked_name(file.name, f"a file in {path}")
    kinds = {_kind(file) for file in usable}
    if len(kinds) == 1:
        return usable
    raise InputError(
        "the folder holds pictures and arrays" if kinds else "there are no samples",
        where=str(path),
        found=f"{len(candidates)} files: {', '.join(file.name for file in candidates[:4]) or 'an empty folder'}",
        expected=_KINDS,
        next_step="put the samples of one kind in a folder of their own, pictures also by class in folders inside it",
    )


def _usable(candidates: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(file for file in candidates if _kind(file) and not file.name.startswith("."))


def _by_class(path: Path) -> tuple[Path, ...]:
    """Return the pictures of a folder that has one folder for each class: one of each class in turn."""
    return tuple(file for turn in zip_longest(*_classes(path).values()) for file in turn if file is not None)


def _classes(path: Path) -> dict[str, tuple[Path, ...]]:
    """Return the pictures of each folder that has some, in the order of the folders' names."""
    folders = (folder for folder in sorted(path.iterdir()) if folder.is_dir() and not folder.name.startswith("."))
    pictures = {
        folder.name: tuple(file for file in _usable(sorted(folder.iterdir())) if _kind(file) == "picture")
        for folder in folders
    }
    return {name: files for name, files in pictures.items() if files}


def _kind(file: Path) -> str:
    suffix = file.suffix.lower()
    return "picture" if suffix in images.SUFFIXES else "array" if suffix in READERS else ""


def _images(
    files: tuple[Path, ...], path: Path, only: str, preprocess: ImagePreprocess | Preprocess | str
) -> ImageSamples:
    if preprocess == "":
        raise InputError(
            "pictures need a preprocessing",
            where=str(path),
            expected=f"{', '.join(PRESETS)}, a .toml file, or module:function",
            next_step="give --preprocess (in Python preprocess=) the one that the model was trained with; another one"
            " changes its predictions",
        )
    chosen = load_preprocess(preprocess) if isinstance(preprocess, str) else preprocess
    name = (chosen.input if isinstance(chosen, ImagePreprocess) else "") or only
    if not name:
        raise InputError("the model has several inputs", where=str(path), expected="the name of the one for pictures")
    if isinstance(chosen, ImagePreprocess):
        chosen = chosen.model_copy(update={"input": name})
    label = preprocess if isinstance(preprocess, str) else "own preprocessing"
    root = path if path.is_dir() and any(file.parent != path for file in files) else None
    # Those of all pictures, whatever the limit: the number of a class is its folder's place among them.
    classes = () if root is None else tuple(_classes(root))
    kind = f"pictures ({label})" if root is None else f"pictures ({label}) of {len(classes)} classes"
    return ImageSamples(files, name, chosen, _described(files, path, kind), root=root, classes=classes)


def load_preprocess(name: str, input_name: str = "") -> ImagePreprocess | Preprocess:
    """Return a preset, the preprocessing of a TOML file, or the function that `module:function` names.

    Raises:
        InputError: there is none of that name, or it cannot be used.
    """
    if ":" in name:
        return user_function(name)  # type: ignore[return-value]
    return preprocess_named(name, input_name)


def _described(files: tuple[Path, ...], path: Path, kind: str) -> str:
    return f"{len(files)} {kind} from {path.name or path}"
