"""Where adapters come from: each training, under the digest of what it made.

>>> storage.lineage.record(digest, name="json_v1", base=…, training=…)
>>> storage.lineage.find("3f9c")          # a unique beginning of the digest, or the newest name
>>> storage.lineage.runs_of(digest)       # every run of that adapter
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, delete, insert, or_, select

from llm_eval.metrics import codec
from llm_eval.metrics.schema import adapters, runs
from llm_eval.metrics.transactions import reading, writing


@dataclass(frozen=True, slots=True)
class Ancestry:
    """One adapter and the training that made it."""

    digest: str
    name: str
    created_at: str
    """ISO 8601, UTC."""
    base: Mapping[str, Any]
    """`name` and `digest` of the checkpoint under it."""
    training: Mapping[str, Any]
    """Recipe, data set, seed, code, curve: the manifest's `lineage`."""

    @property
    def parent(self) -> str | None:
        """Digest of the adapter that it was trained on from."""
        found: str | None = self.training.get("parent")
        return found


class Lineage:
    """The trainings in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(
        self, digest: str, *, name: str, base: Mapping[str, Any], training: Mapping[str, Any]
    ) -> Ancestry:
        """Store what made an adapter; what was known of the same files is replaced."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        made = Ancestry(digest, name, now, dict(base), dict(training))
        row = {
            "digest": digest,
            "name": codec.escape(name),
            "created_at": now,
            "base": codec.to_json(made.base),
            "training": codec.to_json(made.training),
        }

        def work(connection: Any) -> None:
            connection.execute(delete(adapters).where(adapters.c.digest == digest))
            connection.execute(insert(adapters).values(row))

        writing(self._engine, work)
        return made

    def find(self, ref: str) -> list[Ancestry]:
        """Adapters whose digest begins with `ref`, or that have this name; the newest first."""
        begins = adapters.c.digest.startswith(ref, autoescape=True)
        query = select(adapters).where(or_(begins, adapters.c.name == codec.escape(ref)))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(adapters.c.created_at.desc())).all()
        return [_ancestry(row) for row in rows]

    def names(self) -> list[str]:
        """What the adapters are called."""
        with reading(self._engine) as connection:
            found = connection.scalars(select(adapters.c.name).distinct()).all()
        return sorted(map(codec.unescape, found))

    def children(self, digest: str) -> list[Ancestry]:
        """Adapters that were trained on from this one."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(adapters).where(adapters.c.training.contains(digest, autoescape=True))
            ).all()
        return [a for a in map(_ancestry, found) if a.parent == digest]

    def runs_of(self, digest: str) -> list[str]:
        """Ids of the runs of this adapter, the oldest first."""
        query = (
            select(runs.c.run_id)
            .where(runs.c.recipe.contains(digest, autoescape=True))
            .order_by(runs.c.id)
        )
        with reading(self._engine) as connection:
            return list(connection.scalars(query))


def _ancestry(row: Any) -> Ancestry:
    return Ancestry(
        row.digest,
        codec.unescape(row.name),
        row.created_at,
        codec.from_json(row.base),
        codec.from_json(row.training),
    )
