"""Verify that a converted PyTorch model predicts what its source predicts, and keep the proof with the model."""

__version__ = "0.1.0"
