"""Data sets written by programs, byte for byte from a seed."""
