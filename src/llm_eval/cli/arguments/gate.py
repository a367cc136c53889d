"""Arguments of `llm-eval gate`."""

import argparse
from pathlib import Path

from llm_eval.ci.choices import ALLOWABLE
from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `gate`."""
    add = parser.add_argument
    add("current", metavar="CURRENT", help="run id, a unique beginning of one, `latest`, or K=V")
    add("--thresholds", required=True, metavar="FILE", help="the rules: configs/thresholds.yaml")
    add(
        "--baseline",
        metavar="RUN",
        help="run, promoted baseline, or FILE.json[#NAME] (default: what the thresholds name)",
    )
    add(
        "--allow",
        action="append",
        default=[],
        choices=ALLOWABLE,
        metavar="FIELD",
        help=f"let this differ from the baseline: {', '.join(ALLOWABLE)}",
    )
    add("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    add("--sarif", type=Path, metavar="FILE", help="write SARIF 2.1.0")
    add("--summary", type=Path, metavar="FILE", help="append Markdown, as to $GITHUB_STEP_SUMMARY")
    add("--annotations", action="store_true", help="print GitHub's ::error lines")
    options.add_db(parser)
    options.add_json(parser)
