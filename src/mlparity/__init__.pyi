"""The public names; `__init__.py` imports each from here when it is first asked for."""

from .api.comparison import compare_outputs, run_artifact
from .api.inspection import inspect_artifact, inspect_placement, machine
from .api.location import locate
from .api.options import load_policy
from .api.parity import assert_parity
from .api.records import Finding, check_artifact, read_any_record, record_changes
from .api.tuning import tune, tune_compression
from .api.verification import Conversions, Verified, verify, verify_conversions, verify_suite
from .compare.verdict import Judgement
from .core.errors import (
    BackendUnavailableError,
    ConversionError,
    ExecutionError,
    FormatError,
    InputError,
    MlparityError,
    OutputError,
    PolicyError,
    ResourceError,
    SourceError,
    UnsupportedOpError,
)
from .core.progress import Progress
from .core.session import SampleSet, TensorSpec
from .core.words import ComputeUnit, Confidence, Grade, Precision, Provenance, Setting, Verdict
from .engine.coremltools_binding import enable_coremltools
from .record.causes import Cause, CauseKind, Evidence, Hazard, LocatedOp, Observation
from .record.changes import Change, ChangeKind, Changes, Direction
from .record.compression_tuning import CompressionTuning, SizedFigures, StoredLayer
from .record.decision import Candidate, Decision, Latency, Recommendation, Speed
from .record.drift import Drift, DriftPoint
from .record.figures import (
    Better,
    ChangedClass,
    Envelope,
    Flips,
    Histogram,
    LabelFigures,
    MetricInfo,
    OutputFigures,
    Span,
    StepFigure,
    TaskFigure,
    TokenFigures,
    VariantFigures,
    WorstSample,
)
from .record.fix import Attempt, Fix
from .record.machine import Ability, Machine, Package
from .record.op_errors import GraphErrors, NodeError
from .record.plots import BySample, ValuePairs
from .record.policy import Limit, OutputTask, Policy, TaskKind, UserMetric
from .record.record import Artifact, Lowering, Noise, Record, SamplesInfo, SourceInfo, Unfinished
from .record.rows import RowState, Rung, SettingResult
from .record.suite import SuiteEntry
from .record.tuning import KeptOp, Tried, Tuning
from .report.causes import cause_text
from .report.metrics import metrics_of
from .report.summary import summary_of
from .targets.inspection import Inspection, PlacedOp
from .targets.table import settings_from
from .targets.target import RuntimeOptions
from .verification.options import Members, VerifyOptions

__all__ = [
    "Ability",
    "Artifact",
    "Attempt",
    "BackendUnavailableError",
    "Better",
    "BySample",
    "Candidate",
    "Cause",
    "CauseKind",
    "Change",
    "ChangeKind",
    "ChangedClass",
    "Changes",
    "CompressionTuning",
    "ComputeUnit",
    "Confidence",
    "ConversionError",
    "Conversions",
    "Decision",
    "Direction",
    "Drift",
    "DriftPoint",
    "Envelope",
    "Evidence",
    "ExecutionError",
    "Finding",
    "Fix",
    "Flips",
    "FormatError",
    "Grade",
    "GraphErrors",
    "Hazard",
    "Histogram",
    "InputError",
    "Inspection",
    "Judgement",
    "KeptOp",
    "LabelFigures",
    "Latency",
    "Limit",
    "LocatedOp",
    "Lowering",
    "Machine",
    "Members",
    "MetricInfo",
    "MlparityError",
    "NodeError",
    "Noise",
    "Observation",
    "OutputError",
    "OutputFigures",
    "OutputTask",
    "Package",
    "PlacedOp",
    "Policy",
    "PolicyError",
    "Precision",
    "Progress",
    "Provenance",
    "Recommendation",
    "Record",
    "ResourceError",
    "RowState",
    "Rung",
    "RuntimeOptions",
    "SampleSet",
    "SamplesInfo",
    "Setting",
    "SettingResult",
    "SizedFigures",
    "SourceError",
    "SourceInfo",
    "Span",
    "Speed",
    "StepFigure",
    "StoredLayer",
    "SuiteEntry",
    "TaskFigure",
    "TaskKind",
    "TensorSpec",
    "TokenFigures",
    "Tried",
    "Tuning",
    "Unfinished",
    "UnsupportedOpError",
    "UserMetric",
    "ValuePairs",
    "VariantFigures",
    "Verdict",
    "Verified",
    "VerifyOptions",
    "WorstSample",
    "__version__",
    "assert_parity",
    "cause_text",
    "check_artifact",
    "compare_outputs",
    "enable_coremltools",
    "inspect_artifact",
    "inspect_placement",
    "load_policy",
    "locate",
    "machine",
    "metrics_of",
    "read_any_record",
    "record_changes",
    "run_artifact",
    "settings_from",
    "summary_of",
    "tune",
    "tune_compression",
    "verify",
    "verify_conversions",
    "verify_suite",
]

__version__: str
