"""The run database and what is computed from it."""
