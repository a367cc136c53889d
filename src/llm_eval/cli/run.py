"""`llm-eval run`: evaluate models on tasks, store the runs, print their numbers."""

import argparse
import asyncio
import itertools
from collections.abc import Callable, Sequence

from llm_eval.cli import dry_run, summary, watch
from llm_eval.cli.arguments.run import DEFAULT_MODEL
from llm_eval.cli.database import open_storage
from llm_eval.cli.progress import Progress
from llm_eval.cli.signals import stop_on_signals
from llm_eval.cli.terminal import notes, write_json
from llm_eval.errors import ConfigError
from llm_eval.evaluation import Evaluation, Plan, Request, execute_plan, prepare, resume_request
from llm_eval.event_loop import in_own_loop
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.runner import Observer
from llm_eval.serving.pool import kept_servers
from llm_eval.types import RunInfo


def execute(args: argparse.Namespace) -> int:
    """Run what was asked for; 0, 4 when something is missing, 130 when interrupted."""
    with open_storage(args) as storage:
        resumed = storage.get_run(args.resume) if args.resume else None
        plans = [prepare(request, storage) for request in _requests(args, resumed)]
        if args.dry_run:
            return dry_run.execute(plans, storage, as_json=args.json)
        with watch.watching(args) as watchers:
            evaluations = in_own_loop(lambda: _run_all(plans, storage, resumed, watchers))
        _report(evaluations, as_json=args.json)
        if len(evaluations) < len(plans):
            return 130
        return max((exit_code(e) for e in evaluations), default=0)


def exit_code(evaluation: Evaluation) -> int:
    """The exit code ★ of one run."""
    return {"complete": 0, "incomplete": 4, "interrupted": 130}.get(evaluation.status, 4)


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


async def _run_all(
    plans: Sequence[Plan],
    storage: MetricsStorage,
    resumed: RunInfo | None,
    watchers: Callable[[Plan, int], list[Observer]],
) -> list[Evaluation]:
    """Run one plan after another, until told to stop."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    evaluations: list[Evaluation] = []
    n_kept = storage.count_statuses(resumed.run_id).done if resumed else 0
    async with kept_servers():
        for plan in plans:
            if stop.is_set():
                break
            with Progress(plan, n_kept) as progress:
                observers = [progress, *watchers(plan, n_kept)]
                evaluations.append(
                    await execute_plan(
                        plan, storage, observers=observers, stop=stop, resume=resumed
                    )
                )
    return evaluations


def _report(evaluations: Sequence[Evaluation], *, as_json: bool) -> None:
    objects = [evaluation.summary.to_dict() for evaluation in evaluations]
    if as_json:
        write_json(objects[0] if len(objects) == 1 else {"runs": objects})
    for evaluation, numbers in zip(evaluations, objects, strict=True):
        if not as_json:
            summary.print_summary(numbers)
        _explain(evaluation)


def _explain(evaluation: Evaluation) -> None:
    """Say why a run is not complete, and how to go on."""
    outcome = evaluation.outcome
    if outcome.reason:
        notes().print(f"stopped: {outcome.reason}")
    if evaluation.status != "complete":
        notes().print(f"go on with: llm-eval run --resume {evaluation.run_id}")
