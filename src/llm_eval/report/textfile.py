"""Stored runs in Prometheus' text format: for node_exporter's textfile collector, for a gateway."""

from collections.abc import Sequence
from typing import BinaryIO

from llm_eval.metrics.collector import collect
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.observability.prometheus import Finished, push_runs, render_runs
from llm_eval.types import RunInfo


def write_textfile(storage: MetricsStorage, infos: Sequence[RunInfo], stream: BinaryIO) -> int:
    """Write the newest run of each task and model; the number of runs written.

    Raises:
        ConfigError: prometheus-client is missing.
    """
    runs = _newest(storage, infos)
    stream.write(render_runs(runs))
    return len(runs)


def push(storage: MetricsStorage, infos: Sequence[RunInfo], url: str) -> int:
    """Send the newest run of each task and model to a Pushgateway; the number of runs sent.

    Raises:
        ConfigError: prometheus-client is missing.
        ProviderError: the gateway does not take them.
    """
    runs = _newest(storage, infos)
    push_runs(url, runs)
    return len(runs)


def _newest(storage: MetricsStorage, infos: Sequence[RunInfo]) -> list[Finished]:
    """The newest run of each task and model: one series each, however many runs there are."""
    newest_first = storage.list_runs(limit=None, among=[info.run_id for info in infos])
    newest = {(info.task, info.model): info for info in reversed(newest_first)}
    return [(i, i.summary or collect(storage, i.run_id).to_dict()) for i in newest.values()]
