"""What each command takes: one file a command, which loads nothing but argparse."""
