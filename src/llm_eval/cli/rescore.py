"""`llm-eval rescore`: score stored replies again, without asking the candidate."""

import argparse

from llm_eval.cli import watch
from llm_eval.cli.database import open_storage
from llm_eval.cli.execution import execute_all, exit_code, report
from llm_eval.errors import ConfigError
from llm_eval.rescore import Rescoring, prepare_rescoring, resume_rescoring
from llm_eval.types import RunInfo

_KNOWN = ("run", "judge_model", "rubric", "judge_samples", "judge_panel", "scorers")
"""What a rescoring that is gone on with was started with."""


def execute(args: argparse.Namespace) -> int:
    """Score again and print; 0, 4 where something is missing, 130 when interrupted."""
    with open_storage(args, existing=True) as storage:
        resumed = None if args.resume is None else storage.get_run(args.resume)
        plan = prepare_rescoring(_asked(args, resumed), storage)
        with watch.watching(args) as watchers:
            evaluations = execute_all([plan], storage, watchers, resumed)
        report(evaluations, as_json=args.json, db=args.db)
        return max((exit_code(evaluation) for evaluation in evaluations), default=130)


def _asked(args: argparse.Namespace, resumed: RunInfo | None) -> Rescoring:
    if resumed is not None:
        if given := [name for name in _KNOWN if getattr(args, name)]:
            flag = "RUN" if given[0] == "run" else f"--{given[0].replace('_', '-')}"
            raise ConfigError(f"--resume takes no {flag}: the rescoring knows it")
        return resume_rescoring(resumed)
    if args.run is None:
        raise ConfigError("name the RUN to score again, or go on with one: --resume RUN")
    return Rescoring(
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
