"""The networks of users' reports, by the form in which a row of `issue_repros.csv` names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Network:
    """What a report ran: `build` takes the builder and the input's value to the output's.

    `reference` is the output in fp64, and `x` the number that each row of the input holds, where it holds one.
    """

    build: Callable[..., object]
    fed: Array
    reference: Array
    x: Array


def network_of(said: Mapping[str, object]) -> Network | None:
    """Return the network that a row describes, None where its description is none of the known forms.

    Raises:
        KeyError: the form needs what the row does not say.
    """
    text = str(said.get("net", ""))
    for form, make in FORMS.items():
        found = re.fullmatch(form, text)
        if found:
            return make(found, said)
    return None


def _listed(said: Mapping[str, object]) -> Array:
    return np.array(said["x"], np.float32)


def _softplus(_: re.Match[str], said: Mapping[str, object]) -> Network:
    x = _listed(said)
    return Network(lambda mb, x0: mb.softplus(x=x0), x, F.softplus(torch.from_numpy(x).double()).numpy(), x)


def _logcumsumexp(_: re.Match[str], said: Mapping[str, object]) -> Network:
    """As coremltools lowers it; a list of numbers is one row.

    Source: https://github.com/apple/coremltools/issues/2729.
    """
    x = _listed(said)

    def build(mb: Any, x0: object) -> object:
        return mb.log(x=mb.cumsum(x=mb.exp(x=x0), axis=-1))

    return Network(build, x, torch.from_numpy(x).double().logcumsumexp(-1).numpy(), x)


def _over_channels(form: re.Match[str], said: Mapping[str, object]) -> Network:
    """A convolution that copies its input to every channel, and an op over them, for each number of a sweep.

    Source: https://github.com/apple/coremltools/issues/2690. Its linear layer, which picks an element, is left out.
    """
    channels, op = int(form[1]), form[2]
    points, first, last = re.findall(r"-?\d+(?:\.\d+)?", str(said["sweep"]))
    x = np.linspace(float(first), float(last), int(points), dtype=np.float32)
    kernel = np.zeros((channels, 1, 3, 3), np.float32)
    kernel[:, :, 1, 1] = 1
    copied = torch.from_numpy(x).double()[:, None].expand(-1, channels)

    def build(mb: Any, x0: object) -> object:
        spread = mb.conv(x=x0, weight=kernel, pad_type="same")
        if op == "softplus":
            return mb.reduce_max(x=mb.softplus(x=spread), axes=[1], keep_dims=True)
        return mb.reduce_log_sum_exp(x=spread, axes=[1], keep_dims=True)

    exact = F.softplus(copied[:, 0]) if op == "softplus" else copied.logsumexp(1)
    return Network(build, x.reshape(-1, 1, 1, 1), exact.reshape(-1, 1, 1, 1).numpy(), x)


LINEAR_WEIGHT = 0.01
"""All weights of the report's linear layer: inferred. Its convolution of ones and its inputs are told; the relative
error does not depend on this number, and the absolute one gives it."""


def _mish(form: re.Match[str], said: Mapping[str, object]) -> Network:
    """A convolution of ones over numbers evenly spaced from -scale to scale, Mish, and a linear layer.

    Source: https://github.com/apple/coremltools/pull/2618 (`test_mish_stability`). Mish is lowered to softplus, tanh
    and a product.
    """
    channels, side, out = int(form[1]), int(form[2]), int(form[3])
    scale = float(str(said["scale"]))
    fed = np.linspace(-scale, scale, side * side, dtype=np.float32).reshape(1, 1, side, side)
    ones = np.ones((channels, 1, 3, 3), np.float32)
    weight = np.full((out, side * side * channels), LINEAR_WEIGHT, np.float32)

    def build(mb: Any, x0: object) -> object:
        wide = mb.conv(x=x0, weight=ones, pad_type="same")
        mish = mb.mul(x=wide, y=mb.tanh(x=mb.softplus(x=wide)))
        return mb.linear(x=mb.reshape(x=mish, shape=[1, -1]), weight=weight)

    wide = F.conv2d(torch.from_numpy(fed).double(), torch.from_numpy(ones).double(), padding=1)
    reference = F.mish(wide).reshape(1, -1) @ torch.from_numpy(weight).double().T
    return Network(build, fed, reference.numpy(), fed.ravel())


FORMS: Mapping[str, Callable[[re.Match[str], Mapping[str, object]], Network]] = {
    "Softplus only": _softplus,
    r"logcumsumexp\(dim=-1\)": _logcumsumexp,
    r"delta-replicated (\d+) channels -> (reduce_log_sum_exp|softplus) over channel": _over_channels,
    r"Conv2d\(1,(\d+),3,same\)->Mish->Flatten->Linear\((\d+)\*\2\*\1,(\d+)\)": _mish,
}
"""The networks by the form of their description."""
