"""The sentences of causes: one template an observation, filled with the figures that the record holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from string import Formatter

from mlparity.core.finiteness import left_out_note, mismatches
from mlparity.core.names import sample_called
from mlparity.core.numbers import format_count, format_number
from mlparity.core.words import Precision
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.record.excess import excess_of, excess_of_row
from mlparity.record.record import Record, Unfinished
from mlparity.record.rows import RowState, Rung, SettingResult

_AGREES_IN_FP32 = "The same conversion agrees with the source in fp32 ({fp32:rows})"
_WITHOUT_FP16 = "{fp32:rows} although no fp16 is involved"
_NO_TYPES = (
    "({units:rows}), because a neural network declares no types: the CPU computes it in fp32, GPU and Neural Engine in"
    " fp16"
)

_SENTENCES: Mapping[Observation, str] = {
    Observation.NOTHING_COMPARED: "Nothing was compared, so nothing can be said about the cause.",
    Observation.ALL_AGREE: "All compared settings agree with the source: {all:rows}.",
    Observation.NO_LARGER_THAN_ROUNDING: (
        "No difference that was seen is larger than fp32's rounding explains ({all:rows}), and yet not all pass:"
        " {rest:reasons}."
    ),
    Observation.OUTPUTS_UNLIKE: (
        "The conversion to {target} gives other outputs than the source has ({unlike:settings}): {unlike:unlike}."
    ),
    Observation.FP32_NOT_JUDGED: "{fp32:rows}, which could not be judged, while {witness:rows}.",
    Observation.CONVERSION_CHANGES: (
        f"The conversion to {{target}} changes the model: {_WITHOUT_FP16}, while {{witness:rows}}."
    ),
    Observation.FP32_DIFFERS: f"{_WITHOUT_FP16}; no other runtime was run as a witness.",
    Observation.FP32_DIFFERS_AS_WITNESS: f"{_WITHOUT_FP16}; the witness differs too: {{witness:rows}}.",
    Observation.FP32_DIFFERS_IN_PART: (
        f"{_WITHOUT_FP16}; the witness could not be compared in full: {{witness:rows}}."
    ),
    Observation.FP16_DIFFERS: f"{_AGREES_IN_FP32} and differs in fp16 ({{fp16:rows}}).",
    Observation.FP16_ADDS: "fp16 adds to what differs in fp32: {fp16:rows}, while {fp32:rows}.",
    Observation.FP16_DIFFERS_IDEALLY: (
        f"{_AGREES_IN_FP32} and differs in fp16: in fp16 with ideal arithmetic it {{ideal:rung}} ({{fp16:rows}})."
    ),
    Observation.FP16_DIFFERS_UNITS_ADD: (
        f"{_AGREES_IN_FP32} and differs in fp16: in fp16 with ideal arithmetic it {{ideal:rung}}, and the compute"
        " units add to it ({fp16:rows})."
    ),
    Observation.UNITS_DIFFER: (
        f"{_AGREES_IN_FP32}, and in fp16 with ideal arithmetic it {{ideal:rung}}, which passes; what the compute units"
        " add does not: {failing:rows}."
    ),
    Observation.NETWORK_UNITS_DIFFER: (
        f"One file: it agrees with the source on the CPU ({{cpu:rows}}) and is off on other units {_NO_TYPES}."
    ),
    Observation.NETWORK_UNITS_ADD: (
        f"One file: it is off on the CPU ({{cpu:rows}}), and further off on other units {_NO_TYPES}."
    ),
    Observation.GPU_FP32_DIFFERS: (
        "In the fp32 that is documented: {fp32:rows}. A GPU may compute fp32 otherwise, with operands cut to TF32 or"
        " with fast functions, which makes a larger difference: {units:rows}."
    ),
    Observation.FP32_AGREES_REST_UNCLEAR: (
        "The fp32 settings of {target} agree ({fp32:rows}); what else differs has no clear cause: {rest:rows}."
    ),
    Observation.FP32_IN_PART_REST_UNCLEAR: (
        "The fp32 settings of {target} show no difference where they could be compared ({fp32:rows}); what else"
        " differs has no clear cause: {rest:rows}."
    ),
    Observation.NO_FP32: (
        "{all:rows}; no fp32 setting of {target} was compared that could tell precision from conversion."
    ),
    Observation.OUTPUTS_NOT_COMPARED: "Not all can be compared: {reasons}.",
    Observation.AGREES: "The artifact agrees with the source ({difference:scale}).",
    Observation.OP_OVERFLOWS: (
        "{op} overflows: its exact result reaches {peak:number}, and {lost:count} of its elements come out infinite or"
        " NaN ({difference:scale})."
    ),
    Observation.ARITHMETIC: "The arithmetic makes the difference ({difference:scale}); no op carries it.",
    Observation.ARITHMETIC_FIRST_ORDER: (
        "The arithmetic makes the difference ({difference:scale}); to first order {op} carries {share:share} of it, all"
        " ops together {explained:share}; with that op exact, {removed:gone}."
    ),
    Observation.ARITHMETIC_CANCELS: (
        "The arithmetic makes the difference ({difference:scale}); to first order {op} carries {share:share} of it, all"
        " ops together {explained:share}; and yet with that op alone exact, {removed:gone}, since other ops' roundings"
        " partly undo its own."
    ),
    Observation.ARITHMETIC_CONFIRMED: (
        "The arithmetic makes the difference ({difference:scale}); to first order it is not explained; with {op}"
        " exact, {removed:gone}."
    ),
    Observation.CONSTANT_INFINITE: (
        "{op} reads a constant that is infinite in fp16; {removed:share} of the difference ({difference:scale}) goes"
        " away with the largest fp16 number."
    ),
    Observation.TRAINING_MODE: (
        "The artifact was converted from a module in training mode: the source in training mode (batch norm with each"
        " batch's own statistics) gives what the artifact gives, in eval mode it differs ({difference:scale})."
    ),
    Observation.INPUT_SUSPECT: (
        "{suspect}: with that changed {removed:share1} of the difference ({difference:scale}) goes away."
    ),
    Observation.INPUT_CHANGED: (
        "input {input}: {op} changes it before the network, and the source has nothing like it: {removed:share} of the"
        " difference begins there."
    ),
    Observation.INPUT_CHANGED_TOO: (
        "input {input}: {op} changes it before the network, and the source has nothing like it."
    ),
    Observation.INPUT_LAYOUT: (
        "The artifact takes the input {input} as {layout} {expected}, the samples have {given}: with the axes in that"
        " order it agrees to {difference:scale}."
    ),
    Observation.WEIGHTS_ROUNDED: (
        "The weights make the difference: the source gives nearly the same as the artifact with its weights, and the"
        " numbers in its code, rounded to fp16 ({difference:scale})."
    ),
    Observation.WEIGHTS_ROUNDED_AT_RANDOM: (
        "The weights' rounding to fp16 makes the difference ({difference:scale}): {draws:count} random roundings of all"
        " constants make {least:number} to {most:number}."
    ),
    Observation.STATE_STARTS: (
        "The state starts elsewhere: {states} starts at up to {start:number} in the source and at zero in the artifact"
        " ({difference:scale} after the first run); from the source's start {removed:share} of that goes away. An app"
        " has to write the first value into the state, or the model to start at zero."
    ),
    Observation.STATE_STORED: (
        "The storage of the state makes the difference ({difference:scale}): the artifact keeps {states} in fp16"
        " between runs; with equal states all ops agree."
    ),
    Observation.WEIGHTS_COMPRESSED: (
        "The compression of the weights makes the difference ({difference:scale}): {draws:count} random draws of what"
        " they may have been before it make {least:number} to {most:number}."
    ),
    Observation.WEIGHTS_RESTORED: (
        "The compression of the weights makes the difference ({difference:scale}): with the source's own weights in the"
        " artifact ({layers} compressed ones) {removed:share1} of it goes away. {where} carries most of it."
    ),
    Observation.COMPRESSION_ADDS: (
        "The compression of {layers} weights adds to it: with the source's own weights in the artifact the difference"
        " is {rest:scale} instead of {difference:scale}."
    ),
    Observation.COMPRESSION_DIFFERS: (
        "The weights' compression {compression} makes the difference: {compressed:rows}, while the same conversion is"
        " clearly nearer without it ({plain:rows})."
    ),
    Observation.KERNELS_DIFFER: (
        "{target} computes something else than its own reference kernels on the same file: {usual:rows}, while"
        " {reference:rows}."
    ),
    Observation.GRAPH_DIFFERS: "The graph differs from the source ({difference:scale}), at no op that aligns.",
    Observation.GRAPH_NOT_SEARCHED: (
        "The graph differs from the source ({difference:scale}); the search for the reason was stopped for its time."
    ),
    Observation.GRAPH_DIFFERS_UNCONFIRMED: (
        "The graph differs from the source ({difference:scale}), first perhaps at {where} but no value confirms it."
    ),
    Observation.GRAPH_DIVERGES: (
        "The converted graph computes something else than its source ({difference:scale}): it begins at {where} and"
        " with the source's values there {removed:share} goes away."
    ),
    Observation.SHAPES_DIVERGE: "It begins at {op}, whose result has the shape {shape}.",
    Observation.DRAWS_RANDOMLY: (
        "The artifact gives another {outputs} when {sample:sample} is run again: it draws randomly."
    ),
    Observation.APP_PREPROCESSING: (
        "The app prepares pictures in another way than the source: {how}. Given the source's on {sample:sample},"
        " {removed:share1} of the difference ({difference:scale}) goes away."
    ),
    Observation.IMAGE_INPUT: (
        "The image input {input} makes other numbers of its pixels than the source does: {ours} in the artifact,"
        " {theirs} in the source. With the source's there {removed:share1} of the difference ({difference:scale}) goes"
        " away."
    ),
    Observation.IMAGE_CHANNELS_TOO: (
        "The image input {input} hands over its channels as {ours}, and the network of the source takes {theirs}."
    ),
    Observation.IMAGE_INPUT_TOO: (
        "The image input {input} makes other numbers of its pixels than the source does: {ours} in the artifact,"
        " {theirs} in the source."
    ),
    Observation.REST_BESIDE: (
        "With that changed the difference is {rest:scale} instead of {difference:scale}, and has another cause."
    ),
    Observation.ON_SAMPLE: "That is seen on {sample:sample}.",
    Observation.IMAGE_CHANNELS: (
        "The image input {input} hands over its channels as {ours}, and the network of the source takes {theirs}. With"
        " that changed {removed:share1} of the difference ({difference:scale}) goes away."
    ),
    Observation.WEIGHTS_OTHER: (
        "The artifact holds other weights than the source, in {layers}. With the artifact's weights the source gives"
        " what the artifact gives: {removed:share1} of the difference ({difference:scale}) is theirs."
    ),
    Observation.WEIGHTS_MISSING: (
        "The artifact holds other weights than the source, in {layers}: the source's values are nowhere in it, and"
        " the difference ({difference:scale}) begins at {where}."
    ),
    Observation.WEIGHTS_NEAR: (
        "All weight matrices in it are other than the source's, and none lies further from its own than {most:share1}"
        " of its size, as those of another moment of one training do: it seems to be of another version of the source."
    ),
    Observation.SOURCE_OLDER: (
        "The artifact was made from an older version of the source: its own record says that it was converted on"
        " {created} from other weights ({theirs}) than the source has now ({ours})."
    ),
    Observation.WEIGHTS_PLACED: (
        "{where} of the artifact reads other weights than the source, in the place of {layers}: with the source's there"
        " {removed:share1} of the difference ({difference:scale}) goes away."
    ),
    Observation.WEIGHTS_BESIDE: (
        "The artifact holds other weights than the source, in {layers}: the source's values are nowhere in it. With the"
        " artifact's weights in the source the difference is {rest:scale} instead of {difference:scale}, and has"
        " another cause."
    ),
    Observation.NUMBER_FIXED: (
        "At {where} the source takes a Python number from a tensor's value, {answer:number} on this sample; in the"
        " artifact it is fixed. With {other:number} in its place the source gives what the artifact gives:"
        " {removed:share1} of the difference ({difference:scale}) is that."
    ),
    Observation.LENGTH_FIXED: (
        "The source goes by the length of the input {input} at {where}, and in the artifact that length is fixed: it"
        " agrees where it is {agreed:count}, and not where it is {own:count} ({difference:scale})."
    ),
    Observation.WRITE_LOST: (
        "The write at {where} has no counterpart in the artifact: without it the source gives what the artifact gives,"
        " {removed:share1} of the difference ({difference:scale})."
    ),
    Observation.ORDER_OPEN: (
        "The source leaves an order open at {where}: with the order of the artifact it gives what the artifact gives,"
        " {removed:share1} of the difference ({difference:scale})."
    ),
    Observation.FAST_PATH: (
        "PyTorch itself computes {layers} in two ways: its fast path, which the source takes here, gives other numbers"
        " than the layers op by op ({difference:scale}), such as zeros at padded positions."
    ),
    Observation.RUNTIME_DIVERGES: (
        "{target} computes something else than its own reference kernels, which agree with the source"
        " ({difference:scale}): it begins at {where}."
    ),
    Observation.ELSEWHERE_DIVERGES: (
        "The graph converted to {target} computes something else than its source ({difference:scale}): it begins at"
        " {where}. With the graph's values there the source gives {removed:share} of the difference."
    ),
    Observation.ELSEWHERE_UNCONFIRMED: (
        "The graph converted to {target} computes something else than its source ({difference:scale}), first perhaps at"
        " {where}."
    ),
    Observation.ELSEWHERE_DIFFERS: (
        "The graph converted to {target} computes something else than its source ({difference:scale}), at no op that"
        " aligns."
    ),
}
"""A field is a figure, a name, or a role of settings; what follows its colon says how it is written."""


def cause_text(cause: Cause, rows: Sequence[SettingResult] = (), rungs: Sequence[Rung] = ()) -> str:
    """Return a cause as a sentence; evidence about settings needs the record's `rows` and `rungs`."""
    return " ".join(_sentence(evidence, rows, rungs) for evidence in cause.evidence)


def cause_sentence(record: Record) -> str:
    """Say why the artifacts differ, and what of it could not be explained, and why not."""
    said = cause_text(record.cause, record.settings, record.rungs)
    if record.unfinished is not None:
        said += f" {_left_out(record.unfinished)}"
    if not record.explanation_failure:
        return said
    reason = record.explanation_failure.splitlines()[0].rstrip(".")
    return f"{said} The artifact was not explained op by op: {reason}."


def _left_out(unfinished: Unfinished) -> str:
    parts = ", ".join(unfinished.parts)
    return f"The explanation had {unfinished.seconds:.0f} s; it left out or did not finish: {parts}."


def other_causes(record: Record) -> tuple[tuple[str, Cause, str], ...]:
    """Return causes of single settings that add to the record's own: the settings, the cause, its words."""
    found: list[tuple[Cause, list[str]]] = []
    for row in record.settings:
        for cause in row.causes:
            names = next((names for known, names in found if known == cause), None)
            if names is None:
                found.append((cause, names := []))
            names.append(str(row.setting))
    told = ((", ".join(names), each, cause_text(each, record.settings, record.rungs)) for each, names in found)
    own, words = record.cause, cause_text(record.cause, record.settings, record.rungs)
    nothing = {CauseKind.NONE}
    return tuple(each for each in told if each[1] != own and each[2] != words and {each[1].kind, own.kind} != nothing)


def _sentence(evidence: Evidence, rows: Sequence[SettingResult], rungs: Sequence[Rung]) -> str:
    compared = [row for row in rows if row.state is RowState.COMPARED]

    def written(name: str, how: str) -> str:
        if how in _OF_FIGURES:
            return _OF_FIGURES[how](evidence.figures[name]) if name in evidence.figures else _NOT_THERE
        if how in _OF_ROWS:
            named = evidence.settings.get(name, ())
            return _OF_ROWS[how]([row for row in compared if str(row.setting) in named])
        if how == "rung":
            shown = {
                row.artifact for row in compared if any(str(row.setting) in each for each in evidence.settings.values())
            }
            own = [rung for rung in rungs if rung.artifact in shown]
            return _rung_text(own or rungs)
        known = evidence.names.get(name, _NOT_THERE)
        return sample_called(known) if how == "sample" else known

    parts = Formatter().parse(_SENTENCES[evidence.observation])
    return "".join(text + (written(name, how or "") if name else "") for text, name, how, _ in parts)


_NOT_THERE = "–"
"""What stands for a figure or a name that a record of another hand lacks."""


def _of_scale(value: float) -> str:
    return f"rms {format_number(value)} of one sample's scale" if math.isfinite(value) else "NaN or infinite"


def _rows_text(rows: Iterable[SettingResult]) -> str:
    """Name each group of settings that share their figures, with the largest difference of each."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.outputs:
            groups.setdefault(_largest(row), []).append(str(row.setting))
    return "; ".join(
        f"{', '.join(names)} {verb if len(names) > 1 else _SINGULAR[verb]} {figure}"
        for (verb, figure), names in groups.items()
    )


_SINGULAR = {"have": "has", "differ": "differs"}


def _largest(row: SettingResult | Rung) -> tuple[str, str]:
    output = max(row.outputs, key=excess_of)
    bad = mismatches(output.figures)
    if bad:
        return "have", f"{bad} NaN or infinite mismatches in {output.output}"
    difference = output.figures.get("max_abs")
    if difference is None:
        return "have", f"no position in {output.output} that is finite on both sides"
    note = left_out_note(output.figures, output.elements)
    where = f" in {output.output}" if len(row.outputs) > 1 else ""
    return "differ", f"by at most {format_number(difference)}{where} on scale {format_number(output.scale, 3)}{note}"


def _rung_text(rungs: Iterable[Rung]) -> str:
    ideal = [rung for rung in rungs if rung.precision is Precision.FP16 and rung.outputs]
    if not ideal:
        return _NOT_THERE
    verb, figure = _largest(max(ideal, key=lambda rung: excess_of_row(rung, {})))
    return f"{_SINGULAR[verb]} {figure}"


def _settings_text(rows: Iterable[SettingResult]) -> str:
    return ", ".join(str(row.setting) for row in rows)


def _unlike_text(rows: Iterable[SettingResult]) -> str:
    return "; ".join(list(dict.fromkeys(reason for row in rows for reason in row.unlike))[:_SHAPES])


_SHAPES = 3


def _reasons_text(rows: Iterable[SettingResult]) -> str:
    return "; ".join(f"{row.setting} ({row.verdict}{_first_reason(row)})" for row in rows)


def _first_reason(row: SettingResult) -> str:
    return f": {row.reasons[0]}" if row.reasons else ""


def _gone(share: float) -> str:
    return f"{share:.0%} goes away" if share > 0 else "none of it goes away"


_OF_FIGURES: Mapping[str, Callable[[float], str]] = {
    "number": format_number,
    "count": format_count,
    "scale": _of_scale,
    "share": lambda value: f"{value:.0%}",
    "gone": _gone,
    "share1": lambda value: f"{value:.1%}",
}
_OF_ROWS: Mapping[str, Callable[[Iterable[SettingResult]], str]] = {
    "rows": _rows_text,
    "settings": _settings_text,
    "unlike": _unlike_text,
    "reasons": _reasons_text,
}
"""How a figure, or a role of settings, is written, by the word after its colon."""
