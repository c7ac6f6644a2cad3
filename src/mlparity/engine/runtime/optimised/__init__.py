"""Optimised steps for inference in fp32 on the CPU: `choose` finds them, each other file is one of them."""
