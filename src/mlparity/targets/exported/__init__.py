"""Passes over exported PyTorch programs, which the converters of several targets share."""
