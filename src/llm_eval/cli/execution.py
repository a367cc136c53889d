"""Executing plans from the command line: the first signal drains, and everything is shown."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from llm_eval.cli import summary
from llm_eval.cli.database import command
from llm_eval.cli.progress import Progress
from llm_eval.cli.signals import stop_on_signals
from llm_eval.cli.terminal import notes, write_json
from llm_eval.event_loop import in_own_loop
from llm_eval.execution import Evaluation, Executable, execute_plan
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.serving.pool import kept_servers
from llm_eval.types import RunInfo

if TYPE_CHECKING:
    from llm_eval.cli.watch import Watchers


def execute_all(
    plans: Sequence[Executable],
    storage: MetricsStorage,
    watchers: "Watchers",
    resumed: RunInfo | None = None,
) -> list[Evaluation]:
    """Run one plan after another, until told to stop; `resumed` is what the only plan goes on with.

    Raises:
        StoppedError: it was told to stop before the first sample.
    """
    return in_own_loop(lambda: _run_all(plans, storage, watchers, resumed))


def report(evaluations: Sequence[Evaluation], *, as_json: bool, db: str | None) -> None:
    """Print each run's numbers, why it is not complete, and how to go on.

    Args:
        evaluations: that ended.
        as_json: the numbers as one JSON object.
        db: what `--db` was given.
    """
    objects = [evaluation.summary.to_dict() for evaluation in evaluations]
    if as_json:
        write_json(objects[0] if len(objects) == 1 else {"runs": objects})
    for evaluation, numbers in zip(evaluations, objects, strict=True):
        if not as_json:
            summary.print_summary(numbers, db=db)
        _explain(evaluation, db)


def exit_code(evaluation: Evaluation) -> int:
    """The exit code ★ of one run."""
    return {"complete": 0, "incomplete": 4, "interrupted": 130}.get(evaluation.status, 4)


async def _run_all(
    plans: Sequence[Executable],
    storage: MetricsStorage,
    watchers: "Watchers",
    resumed: RunInfo | None,
) -> list[Evaluation]:
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


def _explain(evaluation: Evaluation, db: str | None) -> None:
    outcome, parent = evaluation.outcome, evaluation.summary.parent
    if outcome.reason:
        notes().print(f"stopped: {outcome.reason}")
    if parent is not None:
        notes().print(f"replies of {parent}, scored again as {evaluation.run_id}")
    if evaluation.status != "complete":
        if parent is not None and outcome.ending == "finished":
            first = command("run", "--resume", parent, db=db)
            notes().print(f"first get what {parent} lacks: {first}", soft_wrap=True)
        again = "run" if parent is None else "rescore"
        go_on = command(again, "--resume", evaluation.run_id, db=db)
        notes().print(f"go on with: {go_on}", soft_wrap=True)
