"""What a comparison can be asked for; it loads nothing, as the command line's help names it."""

DEFAULT_ALPHA = 0.05
"""Two-sided error rate of all metrics together."""
DEFAULT_MARGIN = 0.02
"""Largest difference that nobody minds, as a share of the metric's range."""

FORMATS = {
    ".md": "llm_eval.compare.markdown:markdown",
    ".html": "llm_eval.compare.html_page:html_page",
    ".json": "llm_eval.compare.report:json_text",
}
"""File endings, each with the function that writes a report so."""
