"""`llm-eval run`: evaluate models on tasks, store the runs, print their numbers."""

import argparse
import asyncio
import itertools
from collections.abc import Callable, Sequence

from llm_eval.cli import dry_run, options, summary, watch
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
    add("--temperature", type=float, metavar="T", help="override the task's (0 is greedy)")
    add("--max-tokens", type=options.positive, metavar="N", help="longest reply, in tokens")
    add("--constrain", action="store_true", help="hold replies to the sample's JSON Schema")
    add("--tag", type=options.tag, action="append", default=[], metavar="K=V", help="label the run")
    add("--max-cost", type=float, metavar="USD", help="stop before spending more")
    add("--max-tokens-total", type=options.positive, metavar="N", help="stop after N tokens")
    add("--max-time", type=options.duration, metavar="TIME", help="stop after 90s, 15m or 2h")
    add("--dry-run", action="store_true", help="check everything, estimate the cost, spend nothing")
    add("--no-cache", action="store_true", help="ask the model even where the reply is known")
    add("--resume", metavar="RUN", help="go on with an interrupted run; takes no TASK")
    watch.configure(parser)
    options.add_db(parser)
    options.add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Run what was asked for; 0, 4 when something is missing, 130 when interrupted."""
    with options.open_storage(args) as storage:
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
