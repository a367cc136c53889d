"""The run database: every run, reply, result and score.

>>> storage = MetricsStorage()                    # sqlite:///.llm_eval/runs.db
>>> storage.get_run("latest").summary["metrics"]
"""

import secrets
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select, update

from llm_eval.errors import ConfigError
from llm_eval.metrics import codec
from llm_eval.metrics.baselines import Baselines
from llm_eval.metrics.cache import StoredCache
from llm_eval.metrics.consumption import Consumption, read_consumption
from llm_eval.metrics.engine import database_url, open_engine
from llm_eval.metrics.labels import Labels
from llm_eval.metrics.lineage import Lineage
from llm_eval.metrics.outcomes import Outcomes, read_with_scores
from llm_eval.metrics.result_names import read_sample_names, read_slice_names
from llm_eval.metrics.result_rows import Wanted, read_rows
from llm_eval.metrics.run_index import RunIndex
from llm_eval.metrics.schema import responses, results, runs, tags
from llm_eval.metrics.score_table import ScoreTable, read_score_table
from llm_eval.metrics.status_counts import StatusCounts, read_status_counts
from llm_eval.metrics.transactions import reading, streaming, writing
from llm_eval.metrics.upgrade import ensure_schema
from llm_eval.metrics.usage_table import UsageTable, read_sample_ids, read_usage
from llm_eval.metrics.writer import RunWriter
from llm_eval.types import Metric, ModelResponse, RunInfo, RunStatus, SampleResult

_ID_ALPHABET = string.ascii_lowercase + string.digits


def new_run_id(now: datetime | None = None) -> str:
    """`run_YYYYMMDD_HHMMSS_xxxxxx`, in UTC."""
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%d_%H%M%S")
    return f"run_{stamp}_{''.join(secrets.choice(_ID_ALPHABET) for _ in range(6))}"


class MetricsStorage:
    """One database. Safe to use from several threads and several processes at once."""

    def __init__(self, url: str | None = None) -> None:
        """Open `url`, else `$LLM_EVAL_DB`, else `sqlite:///.llm_eval/runs.db`.

        Raises:
            ConfigError: the URL is none, its driver is missing, or what it names cannot be a
                run database of this release: a directory, other tables, a newer release.
            StoreError: it cannot be read, or is damaged.
        """
        self._engine = open_engine(database_url(url))
        ensure_schema(self._engine)
        self._cache = StoredCache(self._engine)
        self._index = RunIndex(self._engine, self.url)
        self.labels = Labels(self._engine)
        """What people said of replies, and what is known of judges by it."""
        self.lineage = Lineage(self._engine)
        """Which training made which adapter."""
        self.baselines = Baselines(self._engine)
        """Runs promoted under a name."""

    @property
    def url(self) -> str:
        """Where it is; a password is masked."""
        return self._engine.url.render_as_string(hide_password=True)

    def __enter__(self) -> "MetricsStorage":
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """`close()`."""
        self.close()

    def close(self) -> None:
        """Give all connections back."""
        self._cache.close()
        self._engine.dispose()

    def check(self) -> list[str]:
        """What is damaged in the database's file; nothing on Postgres, which checks its own."""
        if self._engine.dialect.name != "sqlite":
            return []
        with reading(self._engine) as connection:
            said = connection.exec_driver_sql("PRAGMA quick_check(20)").scalars().all()
        return [str(line) for line in said if line != "ok"]

    def count_runs(self) -> int:
        """How many runs there are."""
        return self._index.count()

    def task_names(self) -> list[str]:
        """The tasks that there are runs of, by their own names."""
        return self._index.task_names()

    def cache(self) -> StoredCache:
        """The response cache in this database."""
        return self._cache

    def create_run(self, info: RunInfo) -> None:
        """Store a new run."""
        row = {
            "run_id": info.run_id,
            "task": info.task,
            "model": info.model,
            "status": info.status,
            "created_at": info.created_at,
            "finished_at": info.finished_at,
            "n_total": info.n_total,
            "recipe": codec.to_json(info.recipe),
            "summary": None if info.summary is None else codec.to_json(info.summary),
        }

        def work(connection: Any) -> None:
            key = connection.execute(insert(runs).values(row)).inserted_primary_key[0]
            if info.tags:
                labels = [{"run": key, "name": n, "value": v} for n, v in info.tags.items()]
                connection.execute(insert(tags), labels)

        writing(self._engine, work)

    def update_run(
        self,
        run_id: str,
        *,
        status: RunStatus | None = None,
        finished_at: str | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        """Change what is given; the rest stays."""
        given = {
            "status": status,
            "finished_at": finished_at,
            "summary": None if summary is None else codec.to_json(summary),
        }
        values = {name: value for name, value in given.items() if value is not None}
        statement = update(runs).where(runs.c.run_id == run_id).values(values)
        writing(self._engine, lambda connection: connection.execute(statement))

    def delete_run(self, run_id: str) -> None:
        """Forget a run with all its replies and results.

        Raises:
            ConfigError: there is no such run, or it is a promoted baseline.
        """
        run = self._key(run_id)
        if promoted := self.baselines.of_run(run_id):
            raise ConfigError(f"run {run_id} is the baseline {promoted[0].name!r}; it stays")

        def work(connection: Any) -> None:
            for table in (results, responses, tags):
                connection.execute(delete(table).where(table.c.run == run))
            connection.execute(delete(runs).where(runs.c.id == run))

        writing(self._engine, work)

    def get_run(self, ref: str) -> RunInfo:
        """The run behind an id, a unique beginning of one, `latest`, a baseline or a tag `k=v`.

        Of a tag or a baseline's name it is the newest.

        Raises:
            ConfigError: there is none, or several; names the nearest.
        """
        if ref != "latest" and "=" not in ref and (promoted := self.baselines.find(ref)):
            ref = promoted.run_id
        return self._index.find(ref)

    def list_runs(
        self,
        *,
        limit: int | None = 50,
        offset: int = 0,
        task: str | None = None,
        model: str | None = None,
        status: str | None = None,
        tag: tuple[str, str] | None = None,
        since: str | None = None,
        among: Collection[str] | None = None,
    ) -> list[RunInfo]:
        """Runs that match, newest first.

        Args:
            limit: at most so many; None: all.
            offset: leave out so many of the newest.
            task: as it was asked for.
            model: its SPEC.
            status: of the run.
            tag: name and value.
            since: ISO 8601 time in UTC.
            among: only runs with these ids.
        """
        return self._index.matching(
            limit=limit,
            offset=offset,
            task=task,
            model=model,
            status=status,
            tag=tag,
            since=since,
            among=among,
        )

    def check_filters(
        self,
        *,
        task: str | None = None,
        model: str | None = None,
        tag: tuple[str, str] | None = None,
    ) -> None:
        """Refuse a filter of `list_runs` that fits no run, whatever the others are.

        Raises:
            ConfigError: no run has this task, model or tag; names the nearest that one has.
        """
        self._index.check_filters(task=task, model=model, tag=tag)

    def writer(self, run_id: str) -> RunWriter:
        """Writes this run's replies and results."""
        metrics = [Metric(**m) for m in self.get_run(run_id).recipe.get("metrics", ())]
        return RunWriter(self._engine, self._key(run_id), metrics, self._cache)

    def done(self, run_id: str) -> Iterator[tuple[int, int]]:
        """(index, epoch) of every result that need not be made again: all but the failed."""
        query = select(results.c.sample_index, results.c.epoch).where(
            results.c.run == self._key(run_id), results.c.status != "failed"
        )
        with streaming(self._engine, query, 5000) as answer:
            for index, epoch in answer:  # noqa: UP028 - plain tuples, not rows
                yield index, epoch

    def pending_responses(self, run_id: str) -> Iterator[tuple[int, int, ModelResponse]]:
        """Replies that are durable but not scored: a resumed run scores them without a call.

        The result of an earlier, failed attempt may stand beside such a reply.
        """
        scored = and_(
            results.c.run == responses.c.run,
            results.c.sample_index == responses.c.sample_index,
            results.c.epoch == responses.c.epoch,
        )
        query = (
            select(responses.c.sample_index, responses.c.epoch, responses.c.response)
            .outerjoin(results, scored)
            .where(
                responses.c.run == self._key(run_id),
                or_(results.c.run.is_(None), results.c.status == "failed"),
            )
        )
        with streaming(self._engine, query, 500) as answer:
            for index, epoch, text in answer:
                yield index, epoch, codec.response(text)

    def results(
        self,
        run_id: str,
        *,
        slice: str | None = None,  # noqa: A002 - the field's own name
        failures: bool = False,
        sample: str | None = None,
        after: tuple[int, int] | None = None,
        limit: int | None = None,
    ) -> Iterator[SampleResult]:
        """Results in (index, epoch) order, read page by page: memory does not grow with the run.

        Args:
            run_id: the run.
            slice: only this slice, or `name=value` of a group.
            failures: only what did not get the headline metric's best value.
            sample: only this sample, by its id, its key or the beginning of its key.
            after: only what follows this (index, epoch).
            limit: at most so many.
        """
        rows = self.result_rows(
            run_id, slice=slice, failures=failures, sample=sample, after=after, limit=limit
        )
        for row in rows:
            yield codec.result(row)

    def result_rows(
        self,
        run_id: str,
        *,
        slice: str | None = None,  # noqa: A002
        failures: bool = False,
        sample: str | None = None,
        after: tuple[int, int] | None = None,
        limit: int | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """What `results` gives, as stored: texts are not decoded. For exports, which copy them."""
        wanted = Wanted(slice, failures, sample, after, limit)
        return read_rows(self._engine, self._key(run_id), wanted)

    def count_statuses(self, run_id: str) -> StatusCounts:
        """How many results are scored, unscored, failed, and how many replies were no answer."""
        return read_status_counts(self._engine, self._key(run_id))

    def consumption(self, run_id: str) -> Consumption:
        """What all replies of a run took, without reading their texts."""
        return read_consumption(self._engine, self._key(run_id))

    def score_table(self, run_id: str, *, keys: bool = True) -> ScoreTable:
        """All scores of a run as columns, without the samples' keys where nobody needs them."""
        names = self._metric_names(run_id)
        return read_score_table(self._engine, self._key(run_id), names, keys=keys)

    def scores_and_outcomes(self, run_id: str) -> tuple[ScoreTable, Outcomes]:
        """`score_table`, and beside it status, time, tokens and money of the same results."""
        return read_with_scores(self._engine, self._key(run_id), self._metric_names(run_id))

    def usage_table(self, run_id: str) -> UsageTable:
        """What every reply of a run took, as columns."""
        return read_usage(self._engine, self._key(run_id))

    def slice_names(self, run_id: str) -> list[str]:
        """What `slice` of `results` can be for this run, in alphabetical order."""
        return read_slice_names(self._engine, self._key(run_id))

    def sample_names(self, run_id: str, *, limit: int = 2000) -> list[str]:
        """Ids of the first samples of a run, in its order."""
        return read_sample_names(self._engine, self._key(run_id), limit)

    def sample_ids(self, run_id: str, indices: Sequence[int]) -> dict[int, str]:
        """Names of samples, by their position in the dataset."""
        return read_sample_ids(self._engine, self._key(run_id), indices)

    def _metric_names(self, run_id: str) -> tuple[str, ...]:
        return tuple(m["name"] for m in self.get_run(run_id).recipe.get("metrics", ()))

    def _key(self, run_id: str) -> int:
        return self._index.key(run_id)
