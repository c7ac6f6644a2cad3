"""Compiled kernels of the accumulators that torch has not. Importing one imports numba."""
