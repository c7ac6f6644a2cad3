"""The metrics, one small streaming file each."""
