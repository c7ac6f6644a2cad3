"""The model's description to `Interface` records: what an app passes in and gets back."""

from __future__ import annotations

from typing import Any

from mlparity.core.errors import FormatError
from mlparity.engine.mil.program import Feature, ImageType, Interface

ARRAY_TYPES = {
    65552: "fp16",
    65568: "fp32",
    65600: "fp64",
    131080: "int8",
    131104: "int32",
}
"""`ArrayFeatureType.ArrayDataType` to MIL names. Source: coremltools 9.0, `FeatureTypes.proto`."""

COLORS = {10: "GRAYSCALE", 20: "RGB", 30: "BGR", 40: "GRAYSCALE_FLOAT16"}
"""`ImageFeatureType.ColorSpace`. Source: coremltools 9.0, `FeatureTypes.proto`."""

_DEFAULTS = {"intDefaultValue", "floatDefaultValue", "doubleDefaultValue"}


def read_interface(description: Any) -> Interface:
    """Return the interface in a `ModelDescription` or `FunctionDescription` message."""
    return Interface(
        inputs=tuple(_feature(feature) for feature in description.input),
        outputs=tuple(_feature(feature) for feature in description.output),
        states=tuple(_feature(feature) for feature in description.state),
        predicted_feature=description.predictedFeatureName,
        predicted_probabilities=description.predictedProbabilitiesName,
    )


def _feature(message: Any) -> Feature:
    kind = message.type.WhichOneof("Type") or ""
    optional = message.type.isOptional
    if kind == "multiArrayType":
        return _array(message.name, kind, optional, message.type.multiArrayType)
    if kind == "stateType":
        return _array(message.name, kind, optional, message.type.stateType.arrayType)
    if kind == "imageType":
        return _image(message.name, kind, optional, message.type.imageType)
    return Feature(message.name, kind, optional=optional)


def _array(name: str, kind: str, optional: bool, array: Any) -> Feature:
    dtype = ARRAY_TYPES.get(array.dataType)
    if dtype is None:
        raise FormatError(
            f"the feature {name!r} has an unknown element type",
            found=f"type number {array.dataType}",
            expected=", ".join(ARRAY_TYPES.values()),
            next_step="convert the model again",
        )
    default = array.WhichOneof("defaultOptionalValue")
    return Feature(
        name,
        kind,
        dtype=dtype,
        shape=tuple(array.shape),
        optional=optional,
        sizes=tuple((part.lowerBound, part.upperBound) for part in array.shapeRange.sizeRanges),
        choices=tuple(tuple(part.shape) for part in array.enumeratedShapes.shapes),
        default=float(getattr(array, default)) if default in _DEFAULTS else None,
    )


def _image(name: str, kind: str, optional: bool, image: Any) -> Feature:
    flexible = image.imageSizeRange
    ranges = (flexible.heightRange, flexible.widthRange) if image.HasField("imageSizeRange") else ()
    return Feature(
        name,
        kind,
        dtype="uint8",
        shape=(image.height, image.width),
        optional=optional,
        image=ImageType(COLORS.get(image.colorSpace, ""), image.height, image.width),
        sizes=tuple((part.lowerBound, part.upperBound) for part in ranges),
        choices=tuple((part.height, part.width) for part in image.enumeratedSizes.sizes),
    )
