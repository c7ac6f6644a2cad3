"""A verification from its job to its record: what is run, the one loop over samples, and what is said of it."""
