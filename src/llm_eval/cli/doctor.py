"""`llm-eval doctor`: is everything here that a run needs, and is the database sound?

`--rescue NEW` saves what can be read of a database that is not.
"""

import argparse
import os
import platform
import shutil
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from llm_eval.cli import rescue
from llm_eval.cli.terminal import clean, output, write_json
from llm_eval.config import load_models
from llm_eval.errors import EvalError
from llm_eval.metrics.codec import SAVE_THE_REST
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.metrics.write_ahead_log import has_reset_bug
from llm_eval.models import embedded
from llm_eval.serving.server import program
from llm_eval.version import __version__

_EXTRAS = {
    "xllamacpp": "embedded and GGUF models: pip install 'llm-eval[local]'",
    "psycopg": "Postgres: pip install 'llm-eval[postgres]'",
    "genai-prices": "prices of hosted models: pip install 'llm-eval[prices]'",
    "pyarrow": "Parquet: pip install 'llm-eval[parquet]'",
}
_ENGINES = (("vllm", "LLM_EVAL_VLLM"), ("llama-server", "LLM_EVAL_LLAMA_SERVER"))
_LITTLE_SPACE = 1 << 30


class Check(NamedTuple):
    """One thing looked at."""

    name: str
    ok: bool | None
    """None: missing, and needed only by some."""
    message: str


def execute(args: argparse.Namespace) -> int:
    """Look at everything; 2 where something is broken. Or save what can be read."""
    if args.rescue:
        return rescue.execute(args)
    checks = list(_checks(args))
    if args.json:
        write_json([check._asdict() for check in checks])
    else:
        marks = {True: "ok", False: "BROKEN", None: "–"}
        for check in checks:
            output().print(clean(f"{marks[check.ok]:>6}  {check.name:14} {check.message}"))
    return 2 if any(check.ok is False for check in checks) else 0


def _checks(args: argparse.Namespace) -> Iterator[Check]:
    yield Check("llm-eval", True, f"{__version__} on Python {platform.python_version()}")
    yield from map(_extra, _EXTRAS)
    yield from (_engine(*engine) for engine in _ENGINES)
    yield _configuration()
    yield _embedded_model()
    yield _sqlite()
    yield _database(args)
    yield _disk()


def _extra(package: str) -> Check:
    try:
        return Check(package, True, version(package))
    except PackageNotFoundError:
        return Check(package, None, f"not installed; for {_EXTRAS[package]}")


def _engine(name: str, variable: str) -> Check:
    try:
        found = program(variable, name)
    except EvalError as exc:
        return Check(name, False, str(exc))
    told = " ".join(found) if found else f"not on the path; {variable} can name it"
    return Check(name, None if found is None else True, told)


def _configuration() -> Check:
    try:
        specs = load_models()
    except EvalError as exc:
        return Check("models.yaml", False, str(exc))
    keys = {spec.api_key_env for spec in specs.values()} - {None}
    missing = sorted(key for key in keys if key and not os.environ.get(key))
    told = f"; keys not set: {', '.join(missing)}" if missing else ""
    return Check("models.yaml", True, f"{len(specs)} models{told}")


def _embedded_model() -> Check:
    for name, model in embedded.MODELS.items():
        path = embedded.models_directory() / Path(model.member).name
        if not path.exists():
            return Check(name, None, f"{model.size >> 20} MB, fetched at its first use")
        if path.stat().st_size != model.size:
            return Check(name, False, f"{path} is not whole; delete it")
    return Check(name, True, str(path))


def _sqlite() -> Check:
    told = "guarded against its WAL-reset bug" if has_reset_bug() else "has no known fault"
    return Check("SQLite", True, f"{sqlite3.sqlite_version} {told}")


def _database(args: argparse.Namespace) -> Check:
    try:
        with MetricsStorage(args.db) as storage:
            faults = storage.check()
            told = f"{storage.url}: {storage.count_runs()} runs"
    except EvalError as exc:
        return Check("database", False, str(exc))
    if faults:
        return Check("database", False, f"{told}; {'; '.join(faults)}; {SAVE_THE_REST}")
    return Check("database", True, told)


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    return Check("disk", free > _LITTLE_SPACE or None, f"{free / 2**30:.1f} GiB free")
