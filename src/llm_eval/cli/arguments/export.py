"""Arguments of `llm-eval export`."""

import argparse

from llm_eval.cli.arguments import options

TABLES = ("samples", "scores", "summary")
TRACKERS = ("mlflow", "wandb")
FORMATS = ("csv", "jsonl", "parquet", "html", "prometheus", "junit", "model-index", *TRACKERS)


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `export`."""
    add = parser.add_argument
    add("runs", nargs="*", metavar="RUN", help="run ids, `latest`, tags K=V (default: all runs)")
    add("--format", required=True, choices=FORMATS, help="what to write")
    add(
        "--output",
        required=True,
        metavar="PATH",
        help="the file, `-` for standard output; a Pushgateway's or MLflow's URL, W&B's PROJECT",
    )
    add("--table", choices=TABLES, default="samples", help="rows of csv, jsonl, parquet (samples)")
    add("--task", metavar="TASK", help="only runs of this task")
    add("--model", metavar="SPEC", help="only runs of this model")
    add("--tag", type=options.tag, metavar="K=V", help="only runs with this tag")
    add("--since", type=options.since, metavar="TIME", help="only runs since 2026-01-31, 2h or 7d")
    add("--limit", type=options.positive, metavar="N", help="only the newest N runs")
    add("--slice", metavar="S", help="only samples of this slice, or NAME=VALUE of a group")
    add("--failures", action="store_true", help="only samples that did not get the best score")
    options.add_db(parser)
