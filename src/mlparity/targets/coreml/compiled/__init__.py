"""Room: models that Core ML has compiled, as far as they can be read."""
