"""How many results of a run were scored, and how many not."""

from typing import NamedTuple

from sqlalchemy import Engine, func, select

from llm_eval.metrics.schema import results
from llm_eval.metrics.transactions import reading


class StatusCounts(NamedTuple):
    """Results of a run by status."""

    scored: int
    unscored: int
    failed: int
    parse_failed: int
    """Replies that were no answer; scored as worst, so they are among `scored`."""

    @property
    def done(self) -> int:
        """Those that a resumed run keeps: all but the failed."""
        return self.scored + self.unscored


def read_status_counts(engine: Engine, run: int) -> StatusCounts:
    """The counts of the run with this key.

    Raises:
        StoreError: the database cannot be read.
    """
    query = (
        select(results.c.status, func.count(), func.count(results.c.parse_error))
        .where(results.c.run == run)
        .group_by(results.c.status)
    )
    with reading(engine) as connection:
        rows = {status: (n, bad) for status, n, bad in connection.execute(query)}
    scored, unscored, failed = (
        rows.get(status, (0, 0))[0] for status in ("scored", "unscored", "failed")
    )
    return StatusCounts(scored, unscored, failed, sum(bad for _, bad in rows.values()))
