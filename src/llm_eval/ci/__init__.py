"""Gates: thresholds held against a run, with a verdict that says when it cannot know."""
