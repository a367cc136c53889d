"""Which runs a database holds, and which one a name means.

latest   run_20260102_030405_abc123   run_20260102   main/qa   release=1.2
"""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Column, Engine, Select, func, select

from llm_eval.errors import ConfigError
from llm_eval.metrics import codec
from llm_eval.metrics.schema import baselines, results, runs, tags
from llm_eval.metrics.transactions import reading
from llm_eval.registry import nearest
from llm_eval.types import RunInfo

_LOOKED_AT = 2000
"""Names among which the nearest is looked for: the newest so many."""


class RunIndex:
    """The runs of one database."""

    def __init__(self, engine: Engine, url: str) -> None:
        """Read from `engine`; messages call the database `url`."""
        self._engine = engine
        self._url = url

    def find(self, ref: str) -> RunInfo:
        """The run behind an id, a unique beginning of one, `latest` or a tag `k=v`.

        Raises:
            ConfigError: there is none, or several; names the nearest.
        """
        newest = ref == "latest" or "=" in ref
        found = self._infos(_by_reference(ref).limit(1 if newest else 3)) if ref else []
        if not newest:
            exact = [info for info in found if info.run_id == ref]
            found = exact or found
            if len(found) > 1:
                some = ", ".join(info.run_id for info in found[:2])
                more = ", …" if len(found) > 2 else ""
                raise ConfigError(f"run {ref!r} is ambiguous: {some}{more}; give more of the id")
        if not found:
            raise self._unknown(ref)
        return found[0]

    def matching(
        self,
        *,
        limit: int | None,
        offset: int = 0,
        task: str | None = None,
        model: str | None = None,
        status: str | None = None,
        tag: tuple[str, str] | None = None,
        since: str | None = None,
        among: Collection[str] | None = None,
    ) -> list[RunInfo]:
        """Runs that match, newest first; `among`: only these ids."""
        query = _newest_first()
        for column, value in ((runs.c.task, task), (runs.c.model, model), (runs.c.status, status)):
            if value is not None:
                query = query.where(column == value)
        if tag is not None:
            query = query.where(runs.c.id.in_(_tagged(*tag)))
        if since is not None:
            query = query.where(runs.c.created_at >= since)
        if among is not None:
            query = query.where(runs.c.run_id.in_(among))
        return self._infos(query.limit(limit).offset(offset))

    def check_filters(
        self,
        *,
        task: str | None = None,
        model: str | None = None,
        tag: tuple[str, str] | None = None,
    ) -> None:
        """Refuse a filter that fits no run, whatever the others are.

        Raises:
            ConfigError: no run has this task, model or tag; names the nearest that one has.
        """
        if task is not None and not self.matching(limit=1, task=task):
            raise self._unfit("of task", task, self._distinct(runs.c.task))
        if model is not None and not self.matching(limit=1, model=model):
            raise self._unfit("of model", model, self._distinct(runs.c.model))
        if tag is not None and not self.matching(limit=1, tag=tag):
            raise self._unfit("with tag", "=".join(tag), self._tags())

    def key(self, run_id: str) -> int:
        """What the other tables call the run.

        Raises:
            ConfigError: there is no such run.
        """
        with reading(self._engine) as connection:
            key = connection.scalar(select(runs.c.id).where(runs.c.run_id == run_id))
        if key is None:
            raise self._unknown(run_id)
        return int(key)

    def count(self) -> int:
        """How many there are."""
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.count()).select_from(runs)) or 0)

    def task_names(self) -> list[str]:
        """The tasks that there are runs of, by their own names."""
        with reading(self._engine) as connection:
            recipes = connection.scalars(select(runs.c.recipe).distinct()).all()
        found = {codec.from_json(text).get("task") for text in recipes}
        return sorted(str(name) for name in found if name)

    def _infos(self, query: Select[Any]) -> list[RunInfo]:
        with reading(self._engine) as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
            keys = [row["id"] for row in rows]
            counted = select(results.c.run, func.count()).where(results.c.run.in_(keys))
            counts = {
                row.run: row[1] for row in connection.execute(counted.group_by(results.c.run))
            }
            labels: dict[int, dict[str, str]] = {key: {} for key in keys}
            for run, name, value in connection.execute(select(tags).where(tags.c.run.in_(keys))):
                labels[run][name] = value
        return [_info(row, counts.get(row["id"], 0), labels[row["id"]]) for row in rows]

    def _unknown(self, ref: str) -> ConfigError:
        if "=" in ref and (known := self._tags()):
            hint = nearest(ref, known)
        elif near := difflib.get_close_matches(ref, self._names(), n=3, cutoff=0.4):
            hint = f"did you mean {' or '.join(near)}?"
        else:
            hint = "llm-eval runs lists them" if self.count() else "there are no runs yet"
        return ConfigError(f"no run {ref!r} in {self._url}; {hint}")

    def _unfit(self, what: str, name: str, known: list[str]) -> ConfigError:
        hint = nearest(name, known) if self.count() else "there are no runs yet"
        return ConfigError(f"there is no run {what} {name!r} in {self._url}; {hint}")

    def _names(self) -> list[str]:
        """What a run can be called, but for its tags."""
        newest = select(runs.c.run_id).order_by(runs.c.id.desc()).limit(_LOOKED_AT)
        with reading(self._engine) as connection:
            ids = connection.scalars(newest).all()
        return [*self._distinct(baselines.c.name), *(["latest"] if ids else []), *ids]

    def _tags(self) -> list[str]:
        query = select(tags.c.name, tags.c.value).order_by(tags.c.run.desc()).limit(_LOOKED_AT)
        with reading(self._engine) as connection:
            return list({f"{name}={value}": None for name, value in connection.execute(query)})

    def _distinct(self, column: Column[Any]) -> list[str]:
        with reading(self._engine) as connection:
            return list(connection.scalars(select(column).distinct()))


def _newest_first() -> Select[Any]:
    """By the order in which they were stored: a clock that is set back makes no run an older one.

    What is imported as a baseline comes before all that was run here: see `Baselines.import_run`.
    """
    return select(runs).order_by(runs.c.id.desc())


def _by_reference(ref: str) -> Select[Any]:
    query = _newest_first()
    if ref == "latest":
        return query
    if "=" in ref:
        name, _, value = ref.partition("=")
        return query.where(runs.c.id.in_(_tagged(name, value)))
    return query.where(runs.c.run_id.startswith(ref, autoescape=True))


def _tagged(name: str, value: str) -> Select[Any]:
    return select(tags.c.run).where(tags.c.name == name, tags.c.value == value)


def _info(row: Mapping[str, Any], n_done: int, labels: Mapping[str, str]) -> RunInfo:
    return RunInfo(
        run_id=row["run_id"],
        task=row["task"],
        model=row["model"],
        created_at=row["created_at"],
        recipe=codec.from_json(row["recipe"]),
        status=row["status"],
        n_total=row["n_total"],
        n_done=n_done,
        finished_at=row["finished_at"],
        tags=labels,
        summary=codec.from_json(row["summary"]),
    )
