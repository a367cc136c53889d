"""Changed samples with what was asked, what was expected, and both replies.

Each is read by its position, one row of the database a run: 100,000 samples are as quick as 100.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

from llm_eval.as_text import as_text
from llm_eval.compare.changes import ChangedSample
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import Metric, SampleResult, Score


@dataclass(frozen=True, slots=True)
class BothReplies:
    """One changed sample, as a reader wants to see it."""

    sample: ChangedSample
    slice: str | None
    question: str
    """The last message of the prompt."""
    expected: str
    baseline: str
    """The reply; why there is none, in brackets, where there is none."""
    current: str
    reason: str | None
    """What the scorer or the parser had against the current reply."""

    def to_dict(self) -> dict[str, Any]:
        """As in the `--json` object."""
        return {
            **self.sample.to_dict(),
            "slice": self.slice,
            "question": self.question,
            "expected": self.expected,
            "baseline_reply": self.baseline,
            "current_reply": self.current,
            "reason": self.reason,
        }


def read_replies(
    storage: MetricsStorage,
    runs: tuple[str, str],
    metric: Metric,
    changed: Iterable[ChangedSample],
    limit: int,
) -> Iterator[BothReplies]:
    """Both replies to the first `limit` of the changed samples.

    Args:
        storage: holds both runs.
        runs: ids of baseline and current.
        metric: what they changed on; of several epochs, the first that shows it is taken.
        changed: the samples.
        limit: how many to read.
    """
    for sample in islice(changed, limit):
        baseline = _read(storage, runs[0], sample.baseline_index, metric, sample.baseline)
        current = _read(storage, runs[1], sample.current_index, metric, sample.current)
        if baseline is not None and current is not None:
            yield _shown(sample, baseline, current, metric)


def _read(
    storage: MetricsStorage, run_id: str, index: int, metric: Metric, mean: float
) -> SampleResult | None:
    """The result at `index` whose score is nearest to the sample's mean."""
    rows = storage.results(run_id, after=(index, -1), limit=_MOST_EPOCHS)
    epochs = list(takewhile(lambda result: result.index == index, rows))
    return min(epochs, key=lambda result: abs(_value(result, metric) - mean), default=None)


_MOST_EPOCHS = 20


def _value(result: SampleResult, metric: Metric) -> float:
    found = _score(result, metric)
    return float("inf") if found is None else found.value


def _score(result: SampleResult, metric: Metric) -> Score | None:
    own = (s for s in result.scores if isinstance(s, Score) and s.metric == metric.name)
    return next(own, None)


def _shown(
    sample: ChangedSample, baseline: SampleResult, current: SampleResult, metric: Metric
) -> BothReplies:
    score = _score(current, metric)
    return BothReplies(
        sample,
        current.sample.slice,
        _last(current) or _last(baseline),
        as_text(current.sample.target),
        _reply(baseline),
        _reply(current),
        current.parse_error or (score.reason if score else None),
    )


def _last(result: SampleResult) -> str:
    return result.prompt[-1].content if result.prompt else ""


def _reply(result: SampleResult) -> str:
    if result.response is not None:
        return result.response.text or "(empty)"
    return f"({result.failure.message})" if result.failure else "(no reply)"


def sample_objects(shown: Sequence[BothReplies], all_of: Sequence[ChangedSample]) -> list[Any]:
    """Every changed sample as an object; those that were read with both replies."""
    read = {(one.sample.key, one.sample.current_index): one for one in shown}
    return [
        read[s.key, s.current_index].to_dict() if (s.key, s.current_index) in read else s.to_dict()
        for s in all_of
    ]
