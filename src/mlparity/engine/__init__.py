"""The engine: reads ML Programs and runs them on any machine; knows nothing of verification."""
