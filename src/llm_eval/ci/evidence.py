"""What a gate looks at: one run's recipe, scores and outcomes, from the database or from a file.

A run that is not whole proves nothing. `faults` says why it is not: rows are missing, a sample is
there twice, it was stopped.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_eval.metrics.columns import Digests
from llm_eval.metrics.outcomes import Outcomes
from llm_eval.metrics.score_table import ScoreTable
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.registry import unknown
from llm_eval.stats.passk import pass_at_k, pass_hat_k
from llm_eval.types import Metric, RunInfo

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Evidence:
    """One run. Rows of `table` and `outcomes` are the same results in the same order."""

    info: RunInfo
    table: ScoreTable
    outcomes: Outcomes

    @property
    def task(self) -> str:
        """The task's own name; `info.task` may be the path of its file."""
        return str(self.info.recipe.get("task", self.info.task))

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics of the run, by name."""
        return {m["name"]: Metric(**m) for m in self.info.recipe.get("metrics", ())}

    @cached_property
    def derived(self) -> Sequence[str]:
        """What the epochs add to each rate: pass@k, pass^k and the majority."""
        k = int(self.table.epochs.max(initial=0))
        rates = [metric.name for metric in self.metrics.values() if metric.kind == "rate"]
        kinds = (f"pass@{k}", f"pass^{k}", "majority") if k > 1 else ()
        return [f"{name}_{kind}" for name in rates for kind in kinds]

    def derived_values(self, name: str) -> Floats:
        """One value a sample of a derived metric such as `exact_match_pass@3`.

        Raises:
            KeyError: there is no such metric.
        """
        rate, _, kind = name.rpartition("_")  # `judge_pass_pass@3` is of `judge_pass`
        metric = self.metrics[rate]
        starts, tried = self.table.starts, self.table.epochs
        if starts is None:
            raise KeyError(name)
        right = self.values(metric.name) == metric.best
        passed = np.add.reduceat(right, starts, dtype=np.int64)
        if kind == "majority":
            return np.asarray(2 * passed > tried, dtype=np.float64)
        statistic = pass_at_k if kind.startswith("pass@") else pass_hat_k
        k = int(kind[len("pass@") :])
        return np.array(
            [statistic(int(n), int(c), min(k, int(n))) for n, c in zip(tried, passed, strict=True)]
        )

    def values(self, metric: str) -> Floats:
        """One score a row; NaN where there is none, or none that the metric can have."""
        column = self.table.scores(metric)
        possible = np.isfinite(column)
        if self.metrics[metric].kind == "rate":
            possible &= (column >= 0) & (column <= 1)
        return np.where(possible, column, np.nan)

    @cached_property
    def faults(self) -> Sequence[str]:
        """Why the run is not whole; empty where it is, or where samples merely failed."""
        return tuple(self._faults())

    def _faults(self) -> Iterator[str]:
        n, info = len(self.table.keys), self.info
        if not n:
            yield "it has no results"
        if n < info.n_total:
            yield f"{info.n_total - n} of {info.n_total} results are missing"
        if n > info.n_total:
            yield f"it has {n} results where {info.n_total} were planned"
        if info.status in ("running", "interrupted") or (
            info.status == "incomplete" and not self.table.failed.any()
        ):
            yield f"it is {info.status}: go on with llm-eval run --resume {info.run_id}"
        if self.table.metrics != tuple(self.metrics):
            yield "its scores are not those of its recipe"
        yield from self._there_twice()

    def _there_twice(self) -> Iterator[str]:
        epochs = self.outcomes.epochs
        first = epochs == epochs.min(initial=np.iinfo(np.int16).max)
        for what, names in (("content", self.table.keys), ("id", self.outcomes.ids)):
            if twice := _repeated(names, first):
                shown = ", ".join(name[:24] for name in twice[:3])
                yield f"{len(twice)} samples are there more than once, by {what}: {shown}"


def _repeated(names: Sequence[str], kept: NDArray[np.bool_]) -> list[str]:
    """Which of the kept ones are there more than once; of all others 8 bytes are held."""
    hashes = _hashes(names)[kept]
    ordered = np.sort(hashes)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return []
    suspects = np.flatnonzero(kept)[np.isin(hashes, twice)]
    counts = Counter(names[row] for row in suspects.tolist())
    return [name for name, n in counts.items() if n > 1]


def _hashes(names: Sequence[str]) -> NDArray[np.int64]:
    """Equal for equal names. A digest is a hash already: its first eighth is enough."""
    if isinstance(names, Digests):
        return names.words(0)
    return np.fromiter(map(hash, names), np.int64, len(names))


def from_storage(storage: MetricsStorage, ref: str) -> Evidence:
    """The evidence of a stored run; `ref` as `MetricsStorage.get_run` takes it.

    Raises:
        ConfigError: there is no such run.
    """
    info = storage.get_run(ref)
    return Evidence(info, *storage.scores_and_outcomes(info.run_id))


def recipe_mismatches(recipe: Mapping[str, Any], required: Mapping[str, Any]) -> Iterator[str]:
    """Fields of `required` that `recipe` does not have, each with both values."""
    for name, value in required.items():
        if name not in recipe:
            yield unknown("field", name, recipe)
        elif recipe[name] != value:
            yield f"{name} is {recipe.get(name)!r}, required is {value!r}"
