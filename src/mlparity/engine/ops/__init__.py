"""What each MIL op computes: a registry and one module for each MIL family."""
