"""What one rule may look at: the runs, narrowed to a slice, with errors told or counted."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from llm_eval.ci.evidence import Evidence
from llm_eval.ci.finding import ErroredSamplesError, MissingEvidenceError
from llm_eval.ci.measure_names import MEASURES
from llm_eval.compare.pairing import Paired, pair
from llm_eval.metrics.float_columns import Rows
from llm_eval.metrics.score_table import ScoreTable
from llm_eval.registry import unknown
from llm_eval.scorers.judge_words import block_of, silence
from llm_eval.types import Metric

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Pairing:
    """The samples of both runs side by side, found when a rule first compares; rules share it."""

    baseline: Evidence | None
    current: Evidence

    @cached_property
    def found(self) -> Paired:
        """The pairs.

        Raises:
            MissingEvidenceError: there is no baseline.
        """
        if self.baseline is None:
            raise MissingEvidenceError("there is no baseline")
        return pair(self.baseline.table, self.current.table)


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows that a rule is about."""

    current: Evidence
    baseline: Evidence | None
    label: str | None
    """Slice, or `name=value`; None for all samples."""
    alpha: float
    count_errors: bool
    """Count a sample without a score as the worst it could be, instead of stopping there."""
    pairing: Pairing

    @property
    def rows(self) -> Places:
        """Rows of the current run.

        Raises:
            MissingEvidenceError: it has no such slice.
        """
        return _rows(self.current.table, self.label, "run")

    @property
    def suffix(self) -> str:
        """` in slice 'hard'`, or nothing."""
        return "" if self.label is None else f" in slice {self.label!r}"

    def metric(self, name: str) -> Metric:
        """A metric that the run has.

        Raises:
            MissingEvidenceError: it has none of that name; suggests the nearest.
        """
        found = self.current.metrics.get(name)
        if found is None:
            known = [*self.current.metrics, *self.current.derived, *MEASURES]
            raise MissingEvidenceError(unknown("metric", name, known))
        return found

    def units(self, rows: Rows) -> Places | None:
        """What each row belongs to where rows are not independent: a cluster, or a sample."""
        table = self.current.table
        if (clusters := table.cluster_numbers(rows)) is not None:
            return clusters
        indices = table.indices[rows].astype(np.intp)
        return indices if (indices[1:] == indices[:-1]).any() else None

    def scores(self, metric: Metric, worst: float) -> Floats:
        """Scores of the current run, `worst` for what has none where errors are counted.

        Raises:
            ErroredSamplesError: a sample has none.
        """
        values = self.current.values(metric.name)[self.rows]
        return self._filled(values, worst, f"have no {metric.name!r}{self._silence(metric)}")

    def refuse_errors(self, *, of_baseline: bool = False, but_unparsed: bool = False) -> None:
        """For rules that look at no score: a reply that is no answer, or half of one, is cheap.

        Args:
            of_baseline: look at the baseline instead of the current run.
            but_unparsed: replies without an answer are what the rule counts.

        Raises:
            ErroredSamplesError: a sample failed, is unscored, or has no whole answer.
            MissingEvidenceError: there is no such slice.
        """
        run = self.reference if of_baseline else self.current
        unparsed = run.outcomes.parse_failed
        answered = ~unparsed & ~run.outcomes.cut_off
        good = run.outcomes.scored & (answered | unparsed if but_unparsed else answered)
        for metric in run.table.metrics:
            good &= np.isfinite(run.values(metric))
        who = "of the baseline " if of_baseline else ""
        rows = _rows(run.table, self.label, "baseline" if of_baseline else "run")
        self._filled(np.where(good[rows], 0.0, np.nan), 0.0, f"{who}failed or gave no whole answer")

    def paired(self, metric: Metric) -> "PairedScores":
        """Scores of both runs, sample by sample.

        Raises:
            ErroredSamplesError: a sample has none in one of the runs, or is in only one of them.
            MissingEvidenceError: the baseline has no such metric or slice.
        """
        baseline = self.reference
        if metric.name not in baseline.metrics:
            raise MissingEvidenceError(f"the baseline has no metric {metric.name!r}")
        lack = f"have no {metric.name!r}{self._silence(metric)}"
        before, after = (run.values(metric.name) for run in (baseline, self.current))
        return self.pair_columns(before, after, lack, metric)

    def pair_columns(
        self, before: Floats, after: Floats, lack: str, metric: Metric
    ) -> "PairedScores":
        """A column of each run's table, sample by sample; see `paired`.

        Args:
            before: one value a row of the baseline's table.
            after: one value a row of the current run's.
            lack: what is said of a sample without a value.
            metric: says which value is the best, and which the worst.
        """
        found = self.pairing.found
        if alone := found.n_only_baseline + found.n_only_current:
            raise ErroredSamplesError(f"{alone} samples are in only one of the runs")
        rows = _pair_rows(found, self.label)
        left, right = found.baseline.means(before), found.current.means(after)
        return PairedScores(
            self._filled(left[rows], metric.best, f"{lack} in the baseline"),
            self._filled(right[rows], metric.worst, lack),
            None if found.clusters is None else found.clusters[rows],
            found.current.rows(rows),
        )

    def _silence(self, metric: Metric) -> str:
        """Which verdicts the judge of a metric did not give, in the whole run."""
        block = block_of(self.current.info.summary, metric.name)
        said = silence(block) if block else ""
        return f" (its judge in the whole run: {said})" if said else ""

    @property
    def reference(self) -> Evidence:
        """The baseline.

        Raises:
            MissingEvidenceError: there is none.
        """
        if self.baseline is None:
            raise MissingEvidenceError("there is no baseline")
        return self.baseline

    def _filled(self, values: Floats, worst: float, lack: str) -> Floats:
        known = np.isfinite(values)
        if known.all():
            return values
        if not self.count_errors:
            raise ErroredSamplesError(f"{int((~known).sum())} of {len(values)} samples {lack}")
        return np.where(known, values, worst)


@dataclass(frozen=True, slots=True)
class PairedScores:
    """One entry a sample."""

    before: Floats
    after: Floats
    clusters: Places | None
    """One number a cluster; None where every sample stands for itself."""
    current_rows: Places
    """Where the first epoch of each sample stands in the current run's table."""


def _rows(table: ScoreTable, label: str | None, who: str) -> Places:
    if label is None:
        return np.arange(len(table.indices))
    found = table.rows_by_label.get(label)
    if found is None:
        raise MissingEvidenceError(unknown(f"slice of the {who}", label, table.rows_by_label))
    return found


def _pair_rows(found: Paired, label: str | None) -> Places:
    if label is None:
        return np.arange(len(found))
    rows = found.rows_by_label.get(label)
    if rows is None:
        raise MissingEvidenceError(unknown("slice of the baseline", label, found.rows_by_label))
    return rows
