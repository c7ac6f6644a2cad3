"""Where work is done that one process need not do: workers on this machine or on others."""
