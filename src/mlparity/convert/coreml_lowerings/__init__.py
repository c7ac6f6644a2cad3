"""Lowerings of PyTorch ops that coremltools lacks, one family a file."""
