"""Finetuning: from a task's training rows to an adapter that the same runner evaluates."""
