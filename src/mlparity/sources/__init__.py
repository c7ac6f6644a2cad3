"""A name on the command line to a PyTorch source."""
