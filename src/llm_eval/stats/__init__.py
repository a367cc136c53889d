"""Statistics: pure functions over arrays; the random generator is an argument."""
