"""The endings of files that Core ML models are taken out of."""

from __future__ import annotations

EXECUTORCH, COMPILED = ".pte", ".mlmodelc"
CONTAINERS = (EXECUTORCH, COMPILED)
