"""Files, functions and random numbers to samples."""
