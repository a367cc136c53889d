"""`llm-eval doctor --rescue NEW`: what can be read of a damaged database, in a new one."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from llm_eval.cli.database import command
from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.errors import ConfigError
from llm_eval.metrics.engine import database_url, require_database
from llm_eval.metrics.rescue import Rescue, Saved, rescue

_MOST_RUNS = 20


def execute(args: argparse.Namespace) -> int:
    """Save it and say what is lost; 0, or 4 where something is."""
    require_database(args.db)
    source, target = _file(args.db), _file(_as_url(args.rescue))
    found = rescue(source, target)
    if args.json:
        write_json({"from": str(source), "to": str(target), **_to_dict(found)})
    else:
        _print(found, target)
    return 4 if found.loses else 0


def _file(given: str | None) -> Path:
    url = database_url(given)
    if url.get_backend_name() != "sqlite" or "uri" in url.query:
        shown = url.render_as_string(hide_password=True)
        raise ConfigError(f"{shown}: --rescue reads and writes SQLite files, sqlite:///FILE")
    return Path(url.database or "").absolute()


def _as_url(name: str) -> str:
    return name if "://" in name else f"sqlite:///{name}"


def _to_dict(found: Rescue) -> dict[str, object]:
    return {
        "tables": [saved._asdict() for saved in found.tables],
        "unfinished": [run._asdict() for run in found.unfinished],
        "n_cached": found.n_cached,
    }


def _print(found: Rescue, target: Path) -> None:
    listing = Table("table", ">saved", ">known to be lost")
    for saved in found.tables:
        listing.add_row(saved.table, f"{saved.rows:,}", _lost(saved))
    listing.print()
    if found.n_cached:
        output().print(
            f"{found.n_cached:,} replies of lost runs are in the cache: the same run, started "
            f"anew, does not ask for them again"
        )
    for run in found.unfinished[:_MOST_RUNS]:
        output().print(clean(f"{run.run_id} has {run.n_done:,} of {run.n_total:,} results"))
    for line in _next_steps(found, target):
        notes().print(clean(line), soft_wrap=True)  # what is broken over lines cannot be copied


def _next_steps(found: Rescue, target: Path) -> Iterator[str]:
    db = f"sqlite:///{target}"
    yield f"written: {target}"
    for run in found.unfinished[:_MOST_RUNS]:
        yield f"go on with: {command(run.command, '--resume', run.run_id, db=db)}"
    if (more := len(found.unfinished) - _MOST_RUNS) > 0:
        yield f"and {more} more: {command('runs', db=db)}"


def _lost(saved: Saved) -> str:
    if saved.lost is None:
        return "cannot be told"
    return f"at least {saved.lost:,}" if saved.at_least else f"{saved.lost:,}"
