"""Stored runs in MLflow: an experiment a task, an MLflow run a run, its numbers as metrics.

llm-eval export latest --format mlflow --output sqlite:///mlflow.db     # or http://127.0.0.1:5000

Written again, a run is found by its id and brought up to date, never doubled. It is marked as
finished last: what was cut off half-way is written whole the next time.
"""

import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.report.tracked_run import TrackedRun, first_line, tracked_run
from llm_eval.types import RunInfo

T = TypeVar("T")

_RUN, _DIGEST = "llm_eval.run_id", "llm_eval.digest"
_STATUS = {"complete": "FINISHED", "running": "RUNNING", "interrupted": "KILLED"}
_BATCH = 100
"""The most parameters and tags that MLflow takes in one request; of metrics it takes 1,000."""
_LONGEST = 6000
"""Characters of a parameter's value."""
_FOREIGN = re.compile(r"[^\w\-. /]")
"""What MLflow's names may not hold."""


def write_mlflow(storage: MetricsStorage, infos: Sequence[RunInfo], output: str) -> int:
    """Tell MLflow of runs; how many.

    Args:
        storage: where the runs are.
        infos: the runs.
        output: a tracking URI, or the directory of a local file store.

    Raises:
        ConfigError: the package mlflow is missing.
        ProviderError: MLflow does not take them; says why in its words.
    """
    mlflow = _library()
    try:
        client = mlflow.MlflowClient(tracking_uri=_tracking_uri(output))
        for info in infos:
            _write(client, mlflow.entities, tracked_run(storage, info))
    except mlflow.MlflowException as exc:
        raise ProviderError(f"MLflow at {output}: {first_line(exc)}") from exc
    return len(infos)


def _library() -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    try:
        import mlflow
    except ModuleNotFoundError as exc:
        raise ConfigError(f"{exc.name} is missing: pip install 'llm-eval[mlflow]'") from None
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return mlflow


def _tracking_uri(output: str) -> str:
    if re.match(r"\w[\w+.-]*:", output):
        return output
    # MLflow asks who uses its file store to say that they mean to; a directory says it.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    return Path(output).resolve().as_uri()


def _write(client: Any, entities: Any, run: TrackedRun) -> None:
    experiment = _experiment(client, run.task)
    found = client.search_runs([experiment], f"tags.`{_RUN}` = '{run.run_id}'", max_results=1)
    if found and found[0].data.tags.get(_DIGEST) == run.digest:
        return
    started = found[0] if found else _begin(client, experiment, run)
    known = started.data.params
    at = started.info.run_id
    params = [
        entities.Param(name, value[:_LONGEST])
        for name, value in _named(run.params)
        if name not in known
    ]
    metrics = [entities.Metric(name, value, run.ended_ms, 0) for name, value in _named(run.metrics)]
    tags = [entities.RunTag(name, value) for name, value in _named(run.tags)]
    for batch in _batches(metrics):
        client.log_batch(at, metrics=batch)
    for batch in _batches(params):
        client.log_batch(at, params=batch)
    for batch in _batches(tags):
        client.log_batch(at, tags=batch)
    client.log_dict(at, dict(run.summary), "summary.json")
    client.set_tag(at, _DIGEST, run.digest)
    client.set_terminated(at, _STATUS.get(run.status, "FAILED"), run.ended_ms)


def _experiment(client: Any, task: str) -> str:
    name = f"llm-eval/{task}"
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _begin(client: Any, experiment: str, run: TrackedRun) -> Any:
    return client.create_run(
        experiment, start_time=run.started_ms, run_name=run.run_id, tags={_RUN: run.run_id}
    )


def _named(values: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    """The values under names that MLflow takes."""
    for name, value in values.items():
        yield _FOREIGN.sub("_", name), value


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while batch := list(islice(left, _BATCH)):
        yield batch
