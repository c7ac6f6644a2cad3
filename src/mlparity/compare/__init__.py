"""Two sets of outputs to one comparison: figures, verdict and recommendation."""
