"""A layer's weights as fp32 arrays: stored as fp32, as fp16, or as 1 to 8 bits with scales or a table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

WeightFault = ValueError
"""What the readers here raise; the layer that asks makes it an error with a place."""


def weights_of(message: Any, shape: tuple[int, ...], channel_axis: int = 0) -> np.ndarray:
    """Return the array of `shape` that a `WeightParams` message holds, in fp32.

    `channel_axis` is the axis that has a scale and a bias for each element, where there are several.

    Source: coremltools 9.0, `NeuralNetwork.proto` (`WeightParams`) and `models/neural_network/quantization_utils.py`
    (the order of bits: the most significant first).

    Raises:
        ValueError: another number of values, or of scales, than the shape needs; bits that are not 1 to 8.
    """
    count = math.prod(shape)
    if len(message.floatValue):
        flat = np.asarray(message.floatValue, np.float32)
    elif message.float16Value:
        flat = np.frombuffer(message.float16Value, np.float16).astype(np.float32)
    elif message.int8RawValue:
        flat = np.frombuffer(message.int8RawValue, np.int8).astype(np.float32)
    elif message.rawValue:
        flat = _unpacked(message.rawValue, _bits(message), count)
    else:
        flat = np.empty(0, np.float32)
    if flat.size != count:
        raise WeightFault(f"{flat.size} values for the shape {list(shape)}")
    kind = message.quantization.WhichOneof("QuantizationType")
    values = flat.reshape(shape)
    if not (message.rawValue or message.int8RawValue) or kind is None:
        return values
    if kind == "lookupTableQuantization":
        return _looked_up(values, message.quantization.lookupTableQuantization, _bits(message))
    return _scaled(values, message.quantization.linearQuantization, channel_axis)


def _bits(message: Any) -> int:
    bits = int(message.quantization.numberOfBits)
    if not 1 <= bits <= 8:
        raise WeightFault(f"quantized values of {bits} bits; expected 1 to 8")
    return bits


def _unpacked(raw: bytes, bits: int, count: int) -> np.ndarray:
    data = np.frombuffer(raw, np.uint8)
    if bits == 8:
        return data.astype(np.float32)
    if data.size * 8 < count * bits:
        raise WeightFault(f"{data.size} bytes for {count} values of {bits} bits")
    rows = np.unpackbits(data, count=count * bits).reshape(count, bits)
    return (rows @ (1 << np.arange(bits - 1, -1, -1))).astype(np.float32)


def _scaled(values: np.ndarray, message: Any, axis: int) -> np.ndarray:
    spread = [-1 if each == axis else 1 for each in range(values.ndim)]
    for parameter, default, combine in ((message.scale, 1.0, np.multiply), (message.bias, 0.0, np.add)):
        numbers = np.asarray(parameter if len(parameter) else [default], np.float32)
        if numbers.size not in (1, values.shape[axis] if values.ndim else 1):
            raise WeightFault(f"{numbers.size} scales or biases for the shape {list(values.shape)}")
        values = combine(values, numbers if numbers.size == 1 else numbers.reshape(spread))
    return values


def _looked_up(values: np.ndarray, message: Any, bits: int) -> np.ndarray:
    table = np.asarray(message.floatValue, np.float32)
    if table.size != 1 << bits:
        raise WeightFault(f"a table of {table.size} values for {bits} bits")
    result: np.ndarray = table[values.astype(np.int64)]
    return result


def count_of(message: Any) -> int:
    """Return how many values a message holds; of those that share bytes, the most that fit."""
    if len(message.floatValue):
        return len(message.floatValue)
    if message.float16Value:
        return len(message.float16Value) // 2
    if message.int8RawValue:
        return len(message.int8RawValue)
    return len(message.rawValue) * 8 // _bits(message) if message.rawValue else 0
