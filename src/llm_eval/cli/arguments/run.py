"""Arguments of `llm-eval run`."""

import argparse

from llm_eval.cli.arguments import options, watch

DEFAULT_MODEL = "local/smollm2-135m"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `run`."""
    add = parser.add_argument
    add("tasks", nargs="*", metavar="TASK", help="json, qa, or the path of a task YAML")
    add(
        "--model",
        action="append",
        metavar="SPEC",
        help="a name in models.yaml or provider/model; repeat for several "
        f"(default: {DEFAULT_MODEL})",
    )
    add(
        "--judge-model", metavar="SPEC", help="also grade every reply; several with commas: a panel"
    )
    options.add_judge(parser)
    add("--split", default="test", help="train, val or test (default: test)")
    add("--limit", type=options.positive, metavar="N", help="only the first N samples")
    add("--epochs", type=options.positive, default=1, metavar="K", help="ask each sample K times")
    add("--concurrency", type=options.positive, metavar="C", help="at most C calls at once")
    add("--seed", type=int, default=0, metavar="S", help="for few-shot choice and sampling")
    add(
        "--temperature",
        type=options.not_negative,
        metavar="T",
        help="override the task's (0 is greedy)",
    )
    add("--max-tokens", type=options.positive, metavar="N", help="longest reply, in tokens")
    add("--constrain", action="store_true", help="hold replies to the sample's JSON Schema")
    add("--tag", type=options.tag, action="append", default=[], metavar="K=V", help="label the run")
    add("--max-cost", type=options.not_negative, metavar="USD", help="stop before spending more")
    add("--max-tokens-total", type=options.positive, metavar="N", help="stop after N tokens")
    add("--max-time", type=options.duration, metavar="TIME", help="stop after 90s, 15m or 2h")
    add("--dry-run", action="store_true", help="check everything, estimate the cost, spend nothing")
    add("--no-cache", action="store_true", help="ask the model even where the reply is known")
    add("--resume", metavar="RUN", help="go on with an interrupted run; takes no TASK")
    watch.configure(parser)
    options.add_db(parser)
    options.add_json(parser)
