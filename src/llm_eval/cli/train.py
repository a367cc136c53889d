"""`llm-eval train`: finetune a local model on a task, into an adapter with its lineage."""

import argparse
from pathlib import Path
from typing import Any

from llm_eval.cli.database import command, open_storage
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.finetune.config import Recipe, load_recipe, overridden
from llm_eval.finetune.plan import TrainingPlan, prepare_training
from llm_eval.finetune.qlora_trainer import train
from llm_eval.finetune.ranks import is_first, leave

_OVERRIDES = {
    "base": "base",
    "task": "task",
    "output": "output",
    "limit": "data.limit",
    "max_steps": "train.max_steps",
    "epochs": "train.epochs",
    "learning_rate": "train.learning_rate",
    "seed": "seed",
}
"""Option to field of the recipe."""


def execute(args: argparse.Namespace) -> int:
    """Train; 0 when the adapter is whole."""
    given = {field: getattr(args, option) for option, field in _OVERRIDES.items()}
    changes = {field: value for field, value in given.items() if value is not None}
    recipe = overridden(load_recipe(_found(args.recipe)), **changes)
    if args.dry_run:
        plan = prepare_training(recipe)
        write_json(_described(plan)) if args.json else _print_plan(plan)
        plan.check_memory()
        return 0
    with open_storage(args) as storage:
        adapter = train(
            recipe,
            storage=storage,
            say=lambda line: notes().print(clean(line)),
            restart=args.restart,
        )
    leave()
    if not is_first():
        return 0
    if args.json:
        write_json(
            {"adapter": str(adapter.path), "digest": adapter.digest, **(adapter.manifest or {})}
        )
    else:
        _print_next(recipe, args.db)
    return 0


def _found(recipe: str) -> Path:
    """The recipe as given, or one of those that come with the checkout."""
    path = Path(recipe)
    packaged = Path(__file__).resolve().parents[3] / recipe
    return packaged if not path.exists() and packaged.exists() else path


def _print_plan(plan: TrainingPlan) -> None:
    console = output()
    validator, recipe = plan.validator, plan.recipe
    rows = {
        "base": f"{plan.base['name']} ({plan.base['digest'][:12]})",
        "parent": recipe.parent,
        "task": f"{plan.task.name}, {plan.data.describe()}",
        "held out": "no row is near to one of val or test"
        if recipe.data.check_contamination
        else "not looked at (data.check_contamination: false)",
        "on": plan.setup.describe(),
        "steps": f"{plan.n_steps:,}",
        "validate": f"{validator.metric.name} on {validator.n} samples" if validator else "never",
        "output": recipe.output,
    }
    for name, value in rows.items():
        if value is not None:
            console.print(clean(f"{name:9} {value}"))
    for line in plan.remarks:
        console.print(clean(f"{'':9} {line}"))
    console.print(f"\nexpected memory, of {plan.free_memory / 1e9:.1f} GB that are free")
    for line in plan.memory.lines():
        console.print(clean(line))


def _described(plan: TrainingPlan) -> dict[str, Any]:
    """The plan for other programs."""
    return {
        "recipe": plan.recipe,
        "origin": plan.origin,
        "base": plan.base,
        "setup": plan.setup,
        "rows": len(plan.data.examples),
        "tokens": plan.data.n_tokens,
        "longest_row": plan.data.longest,
        "rows_too_long": plan.data.n_too_long,
        "steps": plan.n_steps,
        "expected_memory_bytes": round(plan.memory.n_bytes),
        "free_memory_bytes": round(plan.free_memory),
    }


def _print_next(recipe: Recipe, db: str | None) -> None:
    model = f"hf/{recipe.base}:{recipe.output}"
    evaluate = command("run", recipe.task, "--model", model, db=db)
    output().print(clean(f"evaluate it:  {evaluate}"), soft_wrap=True)
    lineage = command("lineage", recipe.output, db=db)
    output().print(clean(f"its lineage:  {lineage}"), soft_wrap=True)
