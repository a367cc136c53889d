"""What all metrics have in common: labels, score families, and the library behind them.

Names: prometheus.io/docs/practices/naming. Base units, `_total` for counters. Every series has the
labels task and model.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from llm_eval.errors import ConfigError
from llm_eval.visible import visible

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

MAX_LABEL = 120
"""Characters of a label's value."""


class Scores:
    """The families that stored and running evaluations share."""

    def __init__(self) -> None:
        labels = ("metric", "slice")
        self.families = (
            gauge("llm_eval_score", "Headline; what has no score counts as worst.", labels),
            gauge("llm_eval_score_ci95_low", "Lower end of the 95 % interval.", labels),
            gauge("llm_eval_score_ci95_high", "Upper end of the 95 % interval.", labels),
        )

    def add(
        self, labels: Sequence[str], value: float, low: float | None, high: float | None
    ) -> None:
        """One series of each, where it has a value."""
        for family, number in zip(self.families, (value, low, high), strict=True):
            if number is not None:
                family.add_metric(labels, number)


def gauge(name: str, text: str, labels: Iterable[str]) -> "GaugeMetricFamily":
    """A family without series yet; its labels are task, model and these."""
    family: GaugeMetricFamily = library().core.GaugeMetricFamily(
        name, text, labels=["task", "model", *labels]
    )
    return family


def label(text: str) -> str:
    """A label's value: one bounded line."""
    return " ".join(visible(text).split())[:MAX_LABEL]


def library() -> Any:
    """The package prometheus_client.

    Raises:
        ConfigError: it is missing.
    """
    try:
        import prometheus_client
        import prometheus_client.core
    except ImportError as exc:
        raise ConfigError(
            "metrics need the package prometheus-client: pip install 'llm-eval[prometheus]'"
        ) from exc
    return prometheus_client
