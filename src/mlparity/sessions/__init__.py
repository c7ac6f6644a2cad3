"""What answers samples with outputs: PyTorch sources, outputs that were saved, and what wraps a session."""
