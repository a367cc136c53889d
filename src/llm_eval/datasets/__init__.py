"""Rows: reading, splitting, checking and generating them."""
