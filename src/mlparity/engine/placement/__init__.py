"""Which processor runs which op: what the Neural Engine takes, and the few placements that a setting may get."""
