"""Whole networks whose exact sums are timed: each as an fp16 package, with trained weights where a package has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # PyTorch's own name for it

from tests.models import files, zoo

FOLDER = Path("build/bench/members")


class Vocoder(nn.Module):
    """A generator of sound after Kong et al. 2020 (arXiv:2010.05646), version 3: transposed and dilated convolutions.

    Shape: mel (N, 80, T) gives (N, 1, 256 T).
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(80, 256, 7, padding=3)
        sizes = ((256, 128, 16, 8), (128, 64, 16, 8), (64, 32, 8, 4))
        self.up = nn.ModuleList(nn.ConvTranspose1d(a, b, k, s, padding=(k - s) // 2) for a, b, k, s in sizes)
        self.blocks = nn.ModuleList(Branches(b) for _, b, _, _ in sizes)
        self.last = nn.Conv1d(32, 1, 7, padding=3)

    def forward(self, mel: Tensor) -> Tensor:
        """Return the sound."""
        x = self.first(mel)
        for up, block in zip(self.up, self.blocks, strict=True):
            x = block(up(F.leaky_relu(x, 0.1)))
        return torch.tanh(self.last(F.leaky_relu(x)))


class Branches(nn.Module):
    """The mean of three branches of dilated convolutions, each added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.short, self.middle, self.wide = (_dilated(channels, kernel) for kernel in (3, 5, 7))

    def forward(self, x: Tensor) -> Tensor:
        """Return sounds of the same shape."""
        return x + (self.short(x) + self.middle(x) + self.wide(x)) / 3


def _dilated(channels: int, kernel: int) -> nn.Sequential:
    layers = [
        (nn.LeakyReLU(0.1), nn.Conv1d(channels, channels, kernel, dilation=d, padding=(kernel - 1) // 2 * d))
        for d in (1, 3, 5)
    ]
    return nn.Sequential(*(module for layer in layers for module in layer))


class Detector(nn.Module):
    """A detector of one stage on three scales, in the manner of YOLO: boxes, objectness and twenty classes.

    Shape: image (N, 3, 320, 320) gives (N, 25, 40, 40), (N, 25, 20, 20) and (N, 25, 10, 10).
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 16, 32, 64, 128, 256)
        self.down = nn.ModuleList(map(_strided, widths[:-1], widths[1:]))
        self.mix = nn.ModuleList(nn.Conv2d(a + b, a, 1) for a, b in ((128, 256), (64, 128)))
        self.heads = nn.ModuleList(nn.Conv2d(width, 25, 1) for width in (64, 128, 256))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the raw maps, the finest first."""
        x, scales = image, list[Tensor]()
        for down in self.down:
            x = down(x)
            scales.append(x)
        fine, middle, coarse = scales[2:]
        middle = self.mix[0](torch.cat([middle, F.interpolate(coarse, scale_factor=2.0)], 1))
        fine = self.mix[1](torch.cat([fine, F.interpolate(middle, scale_factor=2.0)], 1))
        return self.heads[0](fine), self.heads[1](middle), self.heads[2](coarse)


def _strided(narrow: int, wide: int) -> nn.Sequential:
    parts = [(narrow, wide, 2), (wide, wide, 1)]
    layers = [(nn.Conv2d(a, b, 3, stride, 1), nn.BatchNorm2d(b), nn.SiLU()) for a, b, stride in parts]
    return nn.Sequential(*layers[0], *layers[1])


class WhisperEncoder(nn.Module):
    """The encoder of Whisper tiny with seeded weights, from its configuration.

    Shape: mel (N, 80, 3000) gives (N, 1500, 384).
    """

    def __init__(self) -> None:
        super().__init__()
        from transformers import WhisperConfig
        from transformers.models.whisper.modeling_whisper import WhisperEncoder as Encoder

        sizes = {"d_model": 384, "encoder_layers": 4, "encoder_attention_heads": 6, "encoder_ffn_dim": 1536}
        config = WhisperConfig.from_dict({**sizes, "attn_implementation": "eager"})
        self.encoder = Encoder(config)

    def forward(self, mel: Tensor) -> Tensor:
        """Return the encoded frames."""
        return self.encoder(mel).last_hidden_state


class Classifier(nn.Module):
    """MobileNetV2 with ImageNet weights; its scores alone, since a trace has no names.

    Shape: image (N, 3, 224, 224) gives (N, 1000).
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = zoo.mobilenet_v2()

    def forward(self, image: Tensor) -> Tensor:
        """Return the scores."""
        return next(iter(self.network(image).values()))


BUILT: Mapping[str, tuple[Callable[[], nn.Module], str, tuple[int, ...]]] = {
    "whisper_encoder": (WhisperEncoder, "mel", (1, 80, 3000)),
    "vocoder": (Vocoder, "mel", (1, 80, 32)),
    "detector": (Detector, "image", (1, 3, 320, 320)),
    "mobilenet_v2": (Classifier, "image", (1, 3, 224, 224)),
}
"""How a module is built, the name of its input and its shape."""

NAMES = ("crepe_full", *BUILT)


def package(name: str) -> Path:
    """Return the fp16 package of a network; it is converted once."""
    if name == "crepe_full":
        return files.coreml_crepe_full()
    path = FOLDER / f"{name}.mlpackage"
    if not path.exists():
        _convert(name, path)
    return path


def _convert(name: str, path: Path) -> None:
    import coremltools as ct

    build, field, shape = BUILT[name]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        traced = torch.jit.trace(build().eval(), torch.zeros(shape))
    path.parent.mkdir(parents=True, exist_ok=True)
    inputs = [ct.TensorType(field, shape)]
    model = ct.convert(traced, inputs=inputs, minimum_deployment_target=ct.target.iOS17, skip_model_load=True)
    model.save(str(path))
