"""Why an artifact differs."""
