"""The record as JSON: schema, reading, writing, and a place in a model's metadata."""
