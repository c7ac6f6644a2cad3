"""Neural networks, Core ML's older form of a model, read into the same `Program` as ML Programs: layers become ops."""
