"""Gives a network with random weights what training gives: small branches, its own statistics, a head that decides."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


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


def with_small_branches(network: nn.Module, gain: float) -> nn.Module:
    """Return the network with the last norm of each residual branch of timm's scaled to `gain`.

    Training begins with 0 there and leaves little, so that a skip carries most of what passes, and errors do not grow
    from block to block as in a network of random weights. Source: https://arxiv.org/abs/1706.02677 (section 5.1).
    """
    for block in network.modules():
        if getattr(block, "has_skip", False):
            norm = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)][-1]
            nn.init.constant_(norm.weight, gain)
    return network


def with_trained_head(network: nn.Module, images: torch.Tensor, labels: torch.Tensor, steps: int = 30) -> nn.Module:
    """Return timm's network in eval mode, its last layer trained to tell the labels of the images."""
    with torch.no_grad():
        features = network.forward_head(network.forward_features(images), pre_logits=True)  # type: ignore[operator]
    head = network.get_submodule("classifier")
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(head(features), labels).backward()
        optimizer.step()
    return network.requires_grad_(requires_grad=False)
