"""Stored runs in Weights & Biases: a W&B run a run, under the same id.

llm-eval export latest --format wandb --output ENTITY/PROJECT
WANDB_MODE=offline llm-eval export latest --format wandb --output PROJECT    # then: wandb sync

Written again, a run is brought up to date: its id is the same. The key is W&B's own
(`WANDB_API_KEY`, `wandb login`); nothing but the run's recipe, numbers and tags is sent.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.report.tracked_run import TrackedRun, first_line, tracked_run
from llm_eval.types import RunInfo

_COLUMNS = ("slice", "metric", "value", "ci95_low", "ci95_high", "n", "n_scored")
_LONGEST_TAG = 64


def write_wandb(storage: MetricsStorage, infos: Sequence[RunInfo], output: str) -> int:
    """Tell W&B of runs; how many.

    Args:
        storage: where the runs are.
        infos: the runs.
        output: PROJECT or ENTITY/PROJECT.

    Raises:
        ConfigError: the package wandb is missing, or `output` names no project.
        ProviderError: W&B does not take them; says why in its words.
    """
    wandb = _library()
    entity, _, project = output.rpartition("/")
    if not project or "/" in entity or ":" in output:
        raise ConfigError(f"--output {output!r}: W&B takes PROJECT or ENTITY/PROJECT")
    for info in infos:
        try:
            _write(wandb, tracked_run(storage, info), entity or None, project)
        except (wandb.Error, OSError) as exc:
            raise ProviderError(f"W&B at {output}: {first_line(exc)}") from exc
    return len(infos)


def _library() -> Any:
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    try:
        import wandb
    except ModuleNotFoundError as exc:
        raise ConfigError(f"{exc.name} is missing: pip install 'llm-eval[wandb]'") from None
    return wandb


def _write(wandb: Any, run: TrackedRun, entity: str | None, project: str) -> None:
    tracked = wandb.init(
        entity=entity,
        project=project,
        id=run.run_id,
        name=run.run_id,
        group=run.task,
        job_type="evaluation",
        config=dict(run.recipe),
        tags=[f"{name}={value}"[:_LONGEST_TAG] for name, value in run.tags.items()],
        resume="allow",
        settings=wandb.Settings(  # numbers only: no console, code, machine or packages
            console="off",
            disable_code=True,
            disable_git=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        ),
    )
    tracked.summary.update(dict(run.metrics))
    tracked.log({"slices": wandb.Table(columns=list(_COLUMNS), data=list(_rows(run)))}, step=0)
    tracked.finish(exit_code=0 if run.complete else 1)


def _rows(run: TrackedRun) -> Iterator[list[Any]]:
    """Slice by metric."""
    for slice_, metrics in run.summary.get("slices", {}).items():
        for name, metric in metrics.items():
            low, high = metric["ci95"] or (None, None)
            yield [slice_, name, metric["value"], low, high, metric["n"], metric["n_scored"]]
