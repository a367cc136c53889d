"""Promoted baselines: which run a name means, who said so, and when.

>>> storage.baselines.promote("main", run_id, by="the release job", note="1.2")
>>> storage.get_run("main").run_id == run_id
True

Promotion is explicit and nothing is overwritten: the newest promotion of a name is its baseline,
the older ones are its history.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select

from llm_eval.errors import ConfigError
from llm_eval.metrics import codec
from llm_eval.metrics.inserts import insert_rows
from llm_eval.metrics.outcomes import Outcome, Outcomes
from llm_eval.metrics.schema import baselines, responses, results, runs, tags
from llm_eval.metrics.score_table import ScoreTable
from llm_eval.metrics.transactions import reading, writing
from llm_eval.types import (
    Failure,
    Metric,
    ModelResponse,
    RunInfo,
    Sample,
    SampleResult,
    Score,
    Unscored,
    Usage,
)

_NAME = re.compile(r"(?!run_|latest$)[A-Za-z0-9][A-Za-z0-9_./-]{0,99}(?<!\.json)")
_NOT_STORED = "not in the baseline file"


@dataclass(frozen=True, slots=True)
class Promotion:
    """One run, promoted under a name."""

    name: str
    run_id: str
    promoted_at: str
    """ISO 8601, UTC."""
    promoted_by: str
    note: str = ""


class Baselines:
    """The promotions in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def promote(self, name: str, run_id: str, *, by: str, note: str = "") -> Promotion:
        """Make `run_id` the baseline `name` from now on.

        Raises:
            ConfigError: the name could be taken for a run or a file, or there is no such run.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return self.record(Promotion(check_name(name), run_id, now, by, note))

    def record(self, promotion: Promotion) -> Promotion:
        """Store a promotion as it is; one that is already the name's newest is left alone.

        Raises:
            ConfigError: there is no such run.
        """
        check_name(promotion.name)

        def work(connection: Any) -> None:
            run = connection.scalar(select(runs.c.id).where(runs.c.run_id == promotion.run_id))
            if run is None:
                raise ConfigError(f"no run {promotion.run_id!r}, so it cannot be a baseline")
            row = {
                "name": promotion.name,
                "run": run,
                "promoted_at": promotion.promoted_at,
                "promoted_by": codec.escape(promotion.promoted_by),
                "note": codec.escape(promotion.note),
            }
            named = select(*(baselines.c[k] for k in row)).where(baselines.c.name == row["name"])
            newest = connection.execute(named.order_by(baselines.c.id.desc()).limit(1)).first()
            if newest is None or tuple(newest) != tuple(row.values()):
                connection.execute(insert(baselines).values(row))

        writing(self._engine, work)
        return promotion

    def find(self, name: str) -> Promotion | None:
        """The baseline of this name; None where there is none."""
        history = self.history(name)
        return history[0] if history else None

    def history(self, name: str) -> list[Promotion]:
        """Every promotion under this name, the newest first."""
        return self._read(baselines.c.name == name)

    def current(self) -> list[Promotion]:
        """The baseline of every name, by name."""
        newest = select(func.max(baselines.c.id)).group_by(baselines.c.name)
        return sorted(self._read(baselines.c.id.in_(newest)), key=lambda p: p.name)

    def of_run(self, run_id: str) -> list[Promotion]:
        """Every promotion of this run."""
        return self._read(runs.c.run_id == run_id)

    def forget(self, name: str) -> int:
        """Delete a name with its history; how many promotions that were."""
        statement = delete(baselines).where(baselines.c.name == name)
        return writing(self._engine, lambda connection: connection.execute(statement).rowcount)

    def import_run(self, info: RunInfo, table: ScoreTable, outcomes: Outcomes) -> bool:
        """Store a run that came without its texts; False where it is there already.

        It goes before all runs that are there: an import makes no run of this database's own
        something else than the latest.

        Raises:
            ConfigError: another run has this id.
        """

        def work(connection: Any) -> bool:
            stored = connection.execute(
                select(runs.c.id, runs.c.recipe).where(runs.c.run_id == info.run_id)
            ).first()
            recipe = codec.to_json(info.recipe)
            if stored is not None:
                if codec.from_json(stored.recipe) != codec.from_json(recipe):
                    raise ConfigError(f"another run is stored as {info.run_id}")
                return False
            first = connection.scalar(select(func.min(runs.c.id)))
            key = 0 if first is None else first - 1
            connection.execute(insert(runs).values(id=key, **_run_row(info)))
            labels = [{"run": key, "name": n, "value": v} for n, v in info.tags.items()]
            if labels:
                connection.execute(insert(tags), labels)
            metrics = [Metric(**m) for m in info.recipe.get("metrics", ())]
            found = _sample_results(table, outcomes, metrics)
            rows = [codec.result_columns(key, result, metrics) for result in found]
            insert_rows(connection, results, rows)
            insert_rows(connection, responses, _response_rows(key, found))
            return True

        return writing(self._engine, work)

    def _read(self, condition: Any) -> list[Promotion]:
        query = (
            select(baselines, runs.c.run_id)
            .join(runs, runs.c.id == baselines.c.run)
            .where(condition)
            .order_by(baselines.c.id.desc())
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            Promotion(
                row.name,
                row.run_id,
                row.promoted_at,
                codec.unescape(row.promoted_by),
                codec.unescape(row.note),
            )
            for row in rows
        ]


def check_name(name: str) -> str:
    """`name`, if a baseline can be called so.

    Raises:
        ConfigError: it could be taken for a run, a tag or a file.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"a baseline cannot be called {name!r}: use letters, digits and _ . / -, "
            f"not `latest`, not run_…, and not the name of a .json file"
        )
    return name


def _run_row(info: RunInfo) -> dict[str, Any]:
    return {
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


def _sample_results(
    table: ScoreTable, outcomes: Outcomes, metrics: Sequence[Metric]
) -> list[SampleResult]:
    rows = zip(
        table.indices.tolist(),
        table.keys,
        table.clusters,
        table.values.tolist(),
        outcomes.each(),
        strict=True,
    )
    return [
        _sample_result(
            index,
            Sample(key, outcome.id, {}, None, outcome.slice, cluster, outcome.groups),
            outcome,
            [
                # NaN is what was not scored.
                Score(m.name, value) if value == value else Unscored(m.name, _NOT_STORED)
                for m, value in zip(metrics, values, strict=True)
            ],
        )
        for index, key, cluster, values, outcome in rows
    ]


def _sample_result(
    index: int, sample: Sample, outcome: Outcome, scores: Sequence[Score | Unscored]
) -> SampleResult:
    failed = outcome.status == "failed"
    return SampleResult(
        index=index,
        epoch=outcome.epoch,
        sample=sample,
        response=None if failed else _response(outcome),
        parse_error=_NOT_STORED if outcome.parse_failed else None,
        scores=() if failed else tuple(scores),
        failure=Failure("provider", "unknown", _NOT_STORED) if failed else None,
    )


def _response(outcome: Outcome) -> ModelResponse | None:
    """What the reply took; its text was left out."""
    if isnan(outcome.prompt_tokens):
        return None
    cached, priced = isnan(outcome.latency_s), not isnan(outcome.cost_usd)
    return ModelResponse(
        text="",
        model=_NOT_STORED,
        finish_reason="length" if outcome.cut_off else _NOT_STORED,
        usage=Usage(int(outcome.prompt_tokens), int(outcome.completion_tokens)),
        latency_s=0.0 if cached else outcome.latency_s,
        cost_usd=outcome.cost_usd if priced else None,
        cached=cached,
    )


def _response_rows(run: int, found: Sequence[SampleResult]) -> list[codec.Columns]:
    return [
        codec.response_columns(run, result.index, result.epoch, "", (), result.response)
        for result in found
        if result.response is not None
    ]
