"""Scorers: from an answer to numbers."""
