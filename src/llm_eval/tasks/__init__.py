"""Tasks: samples, prompts and answers."""
