"""One run as a page for people, and as files for CI and model cards."""
