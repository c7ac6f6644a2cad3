"""A Program and a Profile become a plan, and a plan gives outputs."""
