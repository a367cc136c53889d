"""`llm-eval loop`: evaluate, train, evaluate again, compare, gate, report."""

import argparse
import asyncio

from llm_eval.cli.comparison import print_report
from llm_eval.cli.database import command, open_storage
from llm_eval.cli.gate import print_report as print_gate
from llm_eval.cli.progress import Progress
from llm_eval.cli.signals import stop_on_signals
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.evaluation import Plan
from llm_eval.event_loop import in_own_loop
from llm_eval.execution import Evaluation, execute_plan
from llm_eval.finetune.card import model_card
from llm_eval.finetune.card_sources import gather
from llm_eval.finetune.loop import Loop, LoopResult, LoopStoppedError
from llm_eval.finetune.loop_config import LoopConfig, load_loop
from llm_eval.finetune.loop_report import write_loop_report
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo


def execute(args: argparse.Namespace) -> int:
    """The gate's exit code ★; 130 where it was interrupted."""
    config = load_loop(args.config)
    with open_storage(args) as storage:
        loop = Loop(
            config,
            storage,
            evaluate=lambda plan, resume: _evaluate(plan, storage, resume),
            say=lambda line: notes().print(clean(line)),
        )
        if args.dry_run:
            return _dry_run(loop, config)
        try:
            result = loop.run()
        except LoopStoppedError:
            again = command("loop", args.config, db=args.db)
            notes().print(f"stopped; go on with: {again}", soft_wrap=True)
            return 130
        path = write_loop_report(result, model_card(gather(storage, result.adapter)))
    if args.json:
        write_json(to_dict(result))
    else:
        _print(result, args.db)
    notes().print(f"written: {path}")
    return result.exit_code


def to_dict(result: LoopResult) -> dict[str, object]:
    """The `--json` object."""
    return {
        "loop": result.config.name,
        "status": result.status,
        "adapter": {"path": str(result.adapter.path), "digest": result.adapter.digest},
        "tasks": {
            str(one.base.recipe["task"]): {
                "base": one.base.run_id,
                "tuned": one.tuned.run_id,
                "verdict": one.comparison.verdict,
                "gate": one.gate.to_dict(),
            }
            for one in result.measured
        },
    }


def _print(result: LoopResult, db: str | None) -> None:
    for one in result.measured:
        print_report(one.report, db=db)
        print_gate(one.gate)


def _dry_run(loop: Loop, config: LoopConfig) -> int:
    console = output()
    for plan in loop.plans():
        what = f"{plan.task.name}: {plan.dataset.n} samples, before and after"
        console.print(clean(f"evaluate  {what}"))
    recipe = f"{config.resolve(config.recipe)}: {loop.recipe.base} on {loop.recipe.task}"
    console.print(clean(f"train     {recipe}"))
    console.print(clean(f"gate      {len(loop.thresholds.rules)} rules of {loop.thresholds.path}"))
    console.print(clean(f"write     {config.directory}"))
    return 0


def _evaluate(plan: Plan, storage: MetricsStorage, resume: RunInfo | None) -> Evaluation:
    async def main() -> Evaluation:
        stop = asyncio.Event()
        stop_on_signals(stop)
        n_kept = storage.count_statuses(resume.run_id).done if resume else 0
        with Progress(plan, n_kept) as progress:
            return await execute_plan(plan, storage, observers=[progress], stop=stop, resume=resume)

    return in_own_loop(main)
