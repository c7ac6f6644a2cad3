"""TOML files that people write: a model for each kind of file, and errors that name the key."""
