"""The networks whose weights are installed without a network that can be imported, in plain PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class VoiceActivity(nn.Module):
    """Silero VAD at 16 kHz: spectrum, four convolutions, one LSTM step; the state is an input and an output.

    Shape: x (1, 576) is 64 samples of the frame before and 512 new ones; state (2, 1, 128) is hidden and cell.
    """

    def __init__(self) -> None:
        super().__init__()
        self.basis = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        shapes = ((129, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1))
        self.encoder = nn.ModuleList(nn.Conv1d(a, b, 3, stride=s, padding=1) for a, b, s in shapes)
        self.rnn = nn.LSTM(128, 128, batch_first=True)
        self.decoder = nn.Conv1d(128, 1, 1)

    def forward(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        waves = self.basis(F.pad(x.unsqueeze(1), (0, 64), mode="reflect"))
        frame = torch.sqrt(waves[:, :129].square() + waves[:, 129:].square())
        for conv in self.encoder:
            frame = F.relu(conv(frame))
        out, (hidden, cell) = self.rnn(frame.transpose(1, 2), (state[0:1], state[1:2]))
        logit = self.decoder(F.relu(out.transpose(1, 2)))
        return {"probability": torch.sigmoid(logit).mean(dim=2), "next_state": torch.cat([hidden, cell])}


class Pitch(nn.Module):
    """CREPE tiny: 360 pitch bins from 1024 samples at 16 kHz.

    Shape: frames (N, 1024), each with mean 0 and standard deviation 1.
    """

    CHANNELS = (1, 128, 16, 16, 16, 32, 64)

    def __init__(self) -> None:
        super().__init__()
        for i in range(1, 7):
            kernel, stride = (512, 4) if i == 1 else (64, 1)
            conv = nn.Conv2d(self.CHANNELS[i - 1], self.CHANNELS[i], (kernel, 1), stride=(stride, 1))
            self.add_module(f"conv{i}", conv)
            self.add_module(f"conv{i}_BN", nn.BatchNorm2d(self.CHANNELS[i], eps=1e-3))
        self.classifier = nn.Linear(256, 360)

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        x = frames[:, None, :, None]
        for i in range(1, 7):
            x = F.pad(x, (0, 0, 254, 254) if i == 1 else (0, 0, 31, 32))
            x = self.get_submodule(f"conv{i}_BN")(F.relu(self.get_submodule(f"conv{i}")(x)))
            x = F.max_pool2d(x, (2, 1), (2, 1))
        flat = x.permute(0, 2, 1, 3).reshape(-1, 256)
        return {"pitch": torch.sigmoid(self.classifier(flat))}


class Speaker(nn.Module):
    """Resemblyzer's voice encoder: a unit vector from 1.6 s of a mel spectrum.

    Shape: mels (N, 160, 40).
    """

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(40, 256, num_layers=3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, mels: Tensor) -> dict[str, Tensor]:
        _, (hidden, _) = self.lstm(mels)
        raw = F.relu(self.linear(hidden[-1]))
        return {"embedding": raw / torch.norm(raw, dim=1, keepdim=True)}


class Proposals(nn.Module):
    """P-Net, the first stage of MTCNN: for each place in an image, a face's probability and box.

    Shape: image (N, 3, H, W), scaled to -1..1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = F.max_pool2d(self.prelu1(self.conv1(image)), 2, 2, ceil_mode=True)
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return {"boxes": self.conv4_2(x), "faces": torch.softmax(self.conv4_1(x), dim=1)}


class Beats(nn.Module):
    """BeatNet: for each frame, the logits of beat, downbeat and neither; the state is carried.

    Shape: features (1, T, 272); hidden, cell (2, 1, 150).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, 2, 10)
        self.linear0 = nn.Linear(262, 150)
        self.lstm = nn.LSTM(150, 150, num_layers=2, batch_first=True)
        self.linear = nn.Linear(150, 3)

    def forward(self, features: Tensor, hidden: Tensor, cell: Tensor) -> dict[str, Tensor]:
        frames = features.reshape(-1, 1, 272)
        frames = F.max_pool1d(F.relu(self.conv1(frames)), 2).reshape(-1, 262)
        sequence = self.linear0(frames).reshape(1, -1, 150)
        out, (next_hidden, next_cell) = self.lstm(sequence, (hidden, cell))
        return {"activations": self.linear(out), "next_hidden": next_hidden, "next_cell": next_cell}
