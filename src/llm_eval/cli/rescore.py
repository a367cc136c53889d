"""`llm-eval rescore`: score stored replies again, without asking the candidate."""

import argparse

from llm_eval.cli import summary
from llm_eval.cli.database import open_storage
from llm_eval.cli.terminal import notes, write_json
from llm_eval.rescore import Rescoring, rescore


def execute(args: argparse.Namespace) -> int:
    """Score again and print; 0, or 4 where something is missing."""
    asked = Rescoring(
        run=args.run,
        judge_model=args.judge_model,
        rubric=args.rubric,
        judge_samples=args.judge_samples,
        judge_panel=args.judge_panel,
        scorers=[name for name in args.scorers.split(",") if name],
        concurrency=args.concurrency,
        cache=not args.no_cache,
        max_cost_usd=args.max_cost,
        tags=dict(args.tag),
    )
    with open_storage(args) as storage:
        evaluation = rescore(asked, storage)
        info = storage.get_run(evaluation.run_id)
        numbers = dict(info.summary or {})
        if args.json:
            write_json(numbers)
        else:
            summary.print_summary(numbers)
            notes().print(f"replies of {numbers['parent']}, scored again as {info.run_id}")
        if evaluation.outcome.reason:
            notes().print(f"stopped: {evaluation.outcome.reason}")
        return 0 if evaluation.status == "complete" else 4
