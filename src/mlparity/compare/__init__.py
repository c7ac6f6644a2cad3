"""Two sets of outputs to one comparison."""
