"""Room: programs of ExecuTorch, and the Core ML models in them; no part of ExecuTorch is needed to read them."""
