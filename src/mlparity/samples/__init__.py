"""Files, arrays and generators to samples."""
