"""Kinds of questions: each draws one with its answers and the evidence that leads to them."""
