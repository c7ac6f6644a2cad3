"""Artifact to session, one file for each runtime."""
