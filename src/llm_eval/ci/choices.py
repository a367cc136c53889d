"""What a gate can be asked for; it loads nothing, as the command line's help names it."""

ALLOWABLE = ("prompt", "task_version")
"""What a change may change. Another dataset, scorer or judge makes another measurement."""
