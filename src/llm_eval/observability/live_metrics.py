"""A running evaluation as Prometheus metrics, at `/metrics` while it runs.

    llm-eval run qa --metrics-port 9464

A run is an `Observer` that counts; series are made when they are asked for.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from llm_eval.errors import ConfigError
from llm_eval.observability.families import Scores, gauge, label, library
from llm_eval.types import SampleResult, Score

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

LATENCY_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)
_95_PERCENT = 1.959964
"""Half-width of a normal 95 % interval in standard errors."""


class LimiterState(Protocol):
    """What `models.limiting.Limiter.state` gives."""

    @property
    def slots(self) -> int:
        """Calls that may be in flight."""

    @property
    def in_flight(self) -> int:
        """Calls that are."""

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""

    @property
    def paused_s(self) -> float:
        """Seconds until the provider takes calls again."""


@dataclass(slots=True)
class _Moments:
    """Running mean and spread of one metric (Welford 1962)."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.n += 1
        change = value - self.mean
        self.mean += change / self.n
        self.squares += change * (value - self.mean)

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """A normal interval: for a picture while it runs, not for a verdict."""
        if self.n < 2:
            return None, None
        half = _95_PERCENT * (self.squares / (self.n - 1) / self.n) ** 0.5
        return self.mean - half, self.mean + half


class LiveRun:
    """Counts a running evaluation; an `Observer`. Series are made when they are asked for."""

    def __init__(
        self,
        task: str,
        model: str,
        n_planned: int,
        *,
        n_kept: int = 0,
        worst: Mapping[str, float],
        limiter: Callable[[], LimiterState] | None = None,
    ) -> None:
        """Start at zero.

        Args:
            task: label.
            model: label.
            n_planned: samples × epochs that are to do.
            n_kept: those that were done before the run was resumed.
            worst: of each metric: what a sample without a score counts for.
            limiter: gives the state of the model's limiter, where it has one.
        """
        self.who = [label(task), label(model)]
        self._n_planned, self._n_kept = n_planned, n_kept
        self._worst = worst
        self._limiter = limiter
        self._moments = {name: _Moments() for name in worst}
        self._n = dict.fromkeys(("scored", "failed", "unscored"), 0)
        self._n_parse_failed = 0
        self._tokens = {"prompt": 0, "completion": 0}
        self._cost_usd: float | None = None
        """None until a price is known: unknown is no series, and never 0."""
        self._n_unpriced = 0
        self._buckets = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self._latency_s = 0.0

    def on_result(self, result: SampleResult) -> None:
        """Count one finished sample."""
        self._n[result.status] += 1
        self._n_parse_failed += result.parse_error is not None
        values = {s.metric: s.value for s in result.scores if isinstance(s, Score)}
        for name, moments in self._moments.items():
            moments.add(values.get(name, self._worst[name]))
        response = result.response
        if response is None:
            return
        self._tokens["prompt"] += response.usage.prompt_tokens
        self._tokens["completion"] += response.usage.completion_tokens
        if response.cost_usd is None:
            self._n_unpriced += not response.cached
        else:
            self._cost_usd = (self._cost_usd or 0.0) + response.cost_usd
        if not response.cached:
            over = sum(response.latency_s > bound for bound in LATENCY_BUCKETS_S)
            self._buckets[over] += 1
            self._latency_s += response.latency_s

    def collect(self) -> Iterator[Any]:
        """Every family of this run."""
        core = library().core
        for name, text, n in (
            ("llm_eval_planned_samples", "Samples × epochs that are to do.", self._n_planned),
            ("llm_eval_kept_samples", "Those done before the run was resumed.", self._n_kept),
        ):
            family = gauge(name, text, ())
            family.add_metric(self.who, n)
            yield family
        yield self._counter("llm_eval_samples", "Finished samples by status.", self._n, "status")
        tokens = "Tokens, as the provider counted."
        yield self._counter("llm_eval_tokens", tokens, self._tokens, "direction")
        yield self._counter(
            "llm_eval_parse_failures", "Replies that were no answer.", {"": self._n_parse_failed}
        )
        if self._cost_usd is not None:
            known = "Sum of the prices that are known; absent where none is."
            yield self._counter("llm_eval_cost_dollars", known, {"": self._cost_usd})
        unpriced = "Calls whose price is unknown, which llm_eval_cost_dollars lacks."
        yield self._counter("llm_eval_unpriced_requests", unpriced, {"": self._n_unpriced})
        latency = core.HistogramMetricFamily(
            "llm_eval_request_latency_seconds", "Latency of calls.", labels=["task", "model"]
        )
        latency.add_metric(self.who, self._cumulative(), sum_value=self._latency_s)
        yield latency
        scores = Scores()
        for name, moments in self._moments.items():
            if moments.n:
                scores.add([*self.who, label(name), ""], moments.mean, *moments.ends)
        yield from scores.families
        yield from self._limiter_families()

    def _limiter_families(self) -> "Iterator[GaugeMetricFamily]":
        if self._limiter is None:
            return
        state = self._limiter()
        for name, text, value in (
            ("llm_eval_limiter_slots", "Calls that may be in flight.", state.slots),
            ("llm_eval_in_flight_requests", "Calls in flight.", state.in_flight),
            ("llm_eval_waiting_requests", "Calls that wait for a slot.", state.waiting),
            ("llm_eval_limiter_pause_seconds", "Until calls are taken again.", state.paused_s),
        ):
            family = gauge(name, text, ())
            family.add_metric(self.who, value)
            yield family

    def _counter(
        self, name: str, text: str, values: Mapping[str, float], by: str | None = None
    ) -> Any:
        labels = ["task", "model", *([by] if by else [])]
        family = library().core.CounterMetricFamily(name, text, labels=labels)
        for value_of, value in values.items():
            family.add_metric([*self.who, *([value_of] if by else [])], value)
        return family

    def _cumulative(self) -> list[tuple[str, float]]:
        bounds = [*(str(float(bound)) for bound in LATENCY_BUCKETS_S), "+Inf"]
        total, buckets = 0, []
        for bound, count in zip(bounds, self._buckets, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets


class LiveRuns:
    """What `/metrics` shows: the run that goes on now, and those before it in this process."""

    def __init__(self) -> None:
        self._runs: list[LiveRun] = []
        self.port = 0
        """Where it is served."""

    def add(self, run: LiveRun) -> None:
        """Show `run` from now on; an earlier one of the same task and model gives way to it."""
        self._runs = [old for old in self._runs if old.who != run.who] + [run]

    def collect(self) -> Iterator[Any]:
        """The families of all runs, each family once."""
        merged: dict[str, Any] = {}
        for run in self._runs:
            for family in run.collect():
                if family.name in merged:
                    merged[family.name].samples += family.samples
                else:
                    merged[family.name] = family
        return iter(merged.values())


@contextmanager
def serving(port: int, address: str = "127.0.0.1") -> Iterator[LiveRuns]:
    """`/metrics` at the address while the block runs; port 0 takes a free one.

    Raises:
        ConfigError: prometheus-client is missing, or the port is taken.
    """
    runs = LiveRuns()
    registry = library().CollectorRegistry()
    registry.register(runs)
    try:
        server, thread = library().start_http_server(port, addr=address, registry=registry)
    except (OSError, OverflowError) as exc:
        raise ConfigError(f"--metrics-port: {address}:{port} cannot be served: {exc}") from exc
    runs.port = server.server_port
    try:
        yield runs
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
