"""Stored runs as Prometheus metrics: as text, or pushed to a gateway.

    llm-eval export latest --format prometheus --output /var/lib/node_exporter/llm_eval.prom
    llm-eval export latest --format prometheus --output http://pushgateway:9091

Labels are bounded: task, model and metric come from configuration, and at most `MAX_SLICES` slices
are shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llm_eval.errors import ProviderError
from llm_eval.observability.families import Scores, gauge, label, library
from llm_eval.types import RunInfo

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

MAX_SLICES = 50
_PUSH_TIMEOUT_S = 10.0

Finished = tuple[RunInfo, Mapping[str, Any]]
"""A run and its `--json` object."""


def render_runs(runs: Sequence[Finished]) -> bytes:
    """The runs in the text format, one series a (task, model).

    Raises:
        ConfigError: prometheus-client is missing.
    """
    rendered: bytes = library().generate_latest(_registry_of(runs))
    return rendered


def push_runs(url: str, runs: Sequence[Finished]) -> None:
    """Send the runs to a Pushgateway: a group for each task and model, replaced as a whole.

    Raises:
        ConfigError: prometheus-client is missing.
        ProviderError: the gateway cannot be reached or refuses.
    """
    push = library().push_to_gateway
    for run in runs:
        try:
            push(
                url,
                job="llm_eval",
                registry=_registry_of([run]),
                grouping_key={"task": label(run[0].task), "model": label(run[0].model)},
                timeout=_PUSH_TIMEOUT_S,
            )
        except OSError as exc:
            raise ProviderError(f"Pushgateway {url}: {exc}", code="connection") from exc


def _registry_of(runs: Sequence[Finished]) -> "CollectorRegistry":
    registry: CollectorRegistry = library().CollectorRegistry()
    registry.register(_StoredRuns(runs))
    return registry


class _StoredRuns:
    """A collector over finished runs."""

    def __init__(self, runs: Sequence[Finished]) -> None:
        self._runs = runs

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        """Every family once, with one series a run and value."""
        scores = Scores()
        families = {
            name: gauge(name, text, labels) for name, (text, labels) in _STORED_FAMILIES.items()
        }
        for info, numbers in self._runs:
            who = [label(info.task), label(info.model)]
            for name, labels, value in _stored_values(info, numbers):
                if value is not None:
                    families[name].add_metric([*who, *labels], value)
            for part, metric, estimate in _estimates(numbers):
                scores.add([*who, metric, part], *estimate)
        yield from families.values()
        yield from scores.families


_STORED_FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "llm_eval_run_samples": ("Samples of the run by status.", ("status",)),
    "llm_eval_run_parse_failures": ("Replies of the run that were no answer.", ()),
    "llm_eval_run_tokens": ("Tokens of the run, as the provider counted.", ("direction",)),
    "llm_eval_run_cost_dollars": ("Price of the run; absent where it is unknown.", ()),
    "llm_eval_run_latency_seconds": ("Latency of the run's calls.", ("percentile",)),
    "llm_eval_run_duration_seconds": ("Duration of the run.", ()),
    "llm_eval_run_timestamp_seconds": ("When the run started, Unix time.", ()),
    "llm_eval_run_info": (
        "The run behind these numbers; always 1.",
        ("run_id", "status", "git_commit", "dataset_hash"),
    ),
}


def _stored_values(
    info: RunInfo, numbers: Mapping[str, Any]
) -> Iterator[tuple[str, Sequence[str], float | None]]:
    """(family, labels after task and model, value)."""
    for status in ("scored", "failed", "unscored"):
        yield "llm_eval_run_samples", [status], numbers[f"n_{status}"]
    yield "llm_eval_run_parse_failures", [], numbers.get("n_parse_failed")
    usage, latency = numbers["usage"], numbers["latency_s"]
    yield "llm_eval_run_tokens", ["prompt"], usage["prompt_tokens"]
    yield "llm_eval_run_tokens", ["completion"], usage["completion_tokens"]
    yield "llm_eval_run_cost_dollars", [], usage["cost_usd"]
    yield "llm_eval_run_latency_seconds", ["50"], latency["p50"]
    yield "llm_eval_run_latency_seconds", ["95"], latency["p95"]
    yield "llm_eval_run_duration_seconds", [], numbers["wall_s"]
    yield "llm_eval_run_timestamp_seconds", [], _unix_time(info.created_at)
    commit = (info.recipe.get("code") or {}).get("git_commit")
    facts = [info.run_id, info.status, commit, str(info.recipe.get("dataset_hash"))[:12]]
    yield "llm_eval_run_info", [label(str(fact or "")) for fact in facts], 1.0


def _estimates(
    numbers: Mapping[str, Any],
) -> Iterator[tuple[str, str, tuple[float, float | None, float | None]]]:
    """(slice, metric, value with interval ends); groups `name=value` are left out."""
    slices = [name for name in numbers["slices"] if "=" not in name][:MAX_SLICES]
    parts = {"": numbers["metrics"], **{name: numbers["slices"][name] for name in slices}}
    for part, metrics in parts.items():
        for name, metric in metrics.items():
            yield label(part), label(name), (metric["value"], *metric["ci95"])


def _unix_time(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
