"""Source to artifact, one file for each target."""
