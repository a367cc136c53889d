"""`llm-eval run`: evaluate models on tasks, store the runs, print their numbers."""

import argparse
import itertools

from llm_eval.cli import dry_run, watch
from llm_eval.cli.arguments.run import DEFAULT_MODEL
from llm_eval.cli.database import open_storage
from llm_eval.cli.execution import execute_all, exit_code, report
from llm_eval.errors import ConfigError
from llm_eval.evaluation import Request, prepare, resume_request
from llm_eval.types import RunInfo


def execute(args: argparse.Namespace) -> int:
    """Run what was asked for; 0, 4 when something is missing, 130 when interrupted."""
    with open_storage(args, existing=args.resume is not None) as storage:
        resumed = None if args.resume is None else storage.get_run(args.resume)
        plans = [prepare(request, storage) for request in _requests(args, resumed)]
        if args.dry_run:
            return dry_run.execute(plans, storage, as_json=args.json)
        with watch.watching(args) as watchers:
            evaluations = execute_all(plans, storage, watchers, resumed)
        report(evaluations, as_json=args.json, db=args.db)
        if len(evaluations) < len(plans):
            return 130
        return max((exit_code(e) for e in evaluations), default=0)


def _requests(args: argparse.Namespace, resumed: RunInfo | None) -> list[Request]:
    if resumed is not None:
        if args.tasks or args.model:
            raise ConfigError("--resume takes no TASK and no --model: the run knows them")
        return [resume_request(resumed)]
    if not args.tasks:
        raise ConfigError("name at least one TASK: json, qa, or the path of a task YAML")
    return [
        Request(
            task=task,
            model=model,
            judge_model=args.judge_model,
            rubric=args.rubric,
            judge_samples=args.judge_samples,
            judge_panel=args.judge_panel,
            split=args.split,
            limit=args.limit,
            epochs=args.epochs,
            seed=args.seed,
            concurrency=args.concurrency,
            temperature=args.temperature,
            max_tokens=args.max_tokens,
            constrain=args.constrain,
            cache=not args.no_cache,
            max_cost_usd=args.max_cost,
            max_tokens_total=args.max_tokens_total,
            max_time_s=args.max_time,
            tags=dict(args.tag),
        )
        for task, model in itertools.product(args.tasks, args.model or [DEFAULT_MODEL])
    ]
