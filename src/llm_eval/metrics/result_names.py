"""What the slices and samples of a run are called, for whoever names one that is not there."""

from collections.abc import Iterator

from sqlalchemy import Engine, select

from llm_eval.metrics import codec
from llm_eval.metrics.schema import results
from llm_eval.metrics.transactions import reading


def read_slice_names(engine: Engine, run: int) -> list[str]:
    """Slices, and groups as `name=value`, in alphabetical order.

    Raises:
        StoreError: the database cannot be read.
    """
    query = select(results.c.slice, results.c.groups).where(results.c.run == run).distinct()
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    return sorted({label for slice_, groups in rows for label in labels_of(slice_, groups)})


def read_sample_names(engine: Engine, run: int, limit: int) -> list[str]:
    """Ids of the first samples.

    Raises:
        StoreError: the database cannot be read.
    """
    query = select(results.c.sample_id).where(results.c.run == run)
    query = query.order_by(results.c.sample_index, results.c.epoch).limit(limit)
    with reading(engine) as connection:
        found = connection.scalars(query).all()
    return list(dict.fromkeys(map(codec.unescape, found)))


def labels_of(slice_: str | None, groups: str) -> Iterator[str]:
    """What one result is labelled with, as it is stored: its slice and its groups."""
    if slice_ is not None:
        yield codec.unescape(slice_)
    for name, value in codec.from_json(groups).items():
        yield f"{name}={value}"
