"""Gives a network with random weights the batch-norm statistics that its own activations have."""

from __future__ import annotations

import torch
from torch import nn


def calibrated(network: nn.Module, images: torch.Tensor) -> nn.Module:
    """Return the network in eval mode after one forward pass in training mode over `images`.

    Without it activations of a deep random network grow or die, and no two precisions can be compared.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # the statistics become those of this pass, not a moving average
    with torch.no_grad():
        network.train()(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()
