"""Other people's projects on our engine, unchanged: `make ecosystem` runs them and writes docs/ecosystem.md."""
