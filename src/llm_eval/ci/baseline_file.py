"""Baselines as one reviewed file in git, so that CI needs no server.

    {"format": "llm-eval baselines", "version": 1, "sha256": "…",
     "baselines": [{"promotion": {"name": "main", …}, "run": {…}, "columns": […], "results": [
       [0, 0, "9f…", "qa-1", "factual", null, {}, "scored", false, false, [1.0], 0.31, null, 52, 3],
       …

It carries recipe and per-sample values, one result a line for a readable diff, and no text of any
prompt or reply. The checksum finds a botched merge or a value that was edited by hand.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from llm_eval.ci.evidence import Evidence, from_storage
from llm_eval.errors import ConfigError
from llm_eval.fingerprint import digest
from llm_eval.metrics.atomic_file import replacing
from llm_eval.metrics.baselines import Promotion
from llm_eval.metrics.float_columns import as_columns
from llm_eval.metrics.outcomes import Outcomes
from llm_eval.metrics.score_table import ScoreTable
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo, Sample

FORMAT, VERSION = "llm-eval baselines", 1
MAX_BYTES = 512 * 1024 * 1024
COLUMNS = (
    "index",
    "epoch",
    "key",
    "id",
    "slice",
    "cluster",
    "groups",
    "status",
    "parse_failed",
    "cut_off",
    "values",
    "latency_s",
    "cost_usd",
    "prompt_tokens",
    "completion_tokens",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One result; the fields are `COLUMNS`."""

    index: int
    epoch: int
    key: str
    id: str
    slice: str | None
    cluster: str | None
    groups: dict[str, str]
    status: str
    parse_failed: bool
    cut_off: bool
    values: list[float | None]
    latency_s: float | None
    cost_usd: float | None
    prompt_tokens: float | None
    completion_tokens: float | None


@dataclass(frozen=True)
class FiledBaseline:
    """One baseline of a file."""

    promotion: Promotion
    evidence: Evidence


def from_database(storage: MetricsStorage, promotion: Promotion) -> FiledBaseline:
    """The baseline that a promotion names, with its run."""
    return FiledBaseline(promotion, from_storage(storage, promotion.run_id))


def write_baselines(path: str | Path, baselines: Sequence[FiledBaseline]) -> None:
    """Write a file that `read_baselines` reads; the same baselines give the same bytes.

    Raises:
        ConfigError: it cannot be written.
    """
    entries = [_entry(baseline) for baseline in baselines]
    parts = ",\n".join(_entry_text(entry) for entry in entries)
    text = (
        f'{{"format": {json.dumps(FORMAT)}, "version": {VERSION}, '
        f'"sha256": "{digest(entries)}",\n"baselines": [\n{parts}\n]}}\n'
    )
    with replacing(path) as stream:
        stream.write(text.encode())


def read_baselines(path: str | Path) -> list[FiledBaseline]:
    """The baselines in a file.

    Raises:
        ConfigError: it is none, was changed by hand, or is of a newer release.
    """
    document = _document(Path(path))
    entries = document["baselines"]
    if digest(entries) != document.get("sha256"):
        raise ConfigError(
            f"{path} was changed by hand or by a merge: its checksum is wrong; "
            f"write it anew with: llm-eval baseline export {path}"
        )
    try:
        return [_baseline(entry) for entry in entries]
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as exc:
        raise ConfigError(f"{path}: no baseline can be read from it: {exc!r}") from exc


def find_baseline(path: str | Path, name: str | None, task: str) -> FiledBaseline:
    """The baseline of a file under `name`; without one, the only one of this task.

    Raises:
        ConfigError: there is none, or several.
    """
    known = read_baselines(path)
    names = ", ".join(repr(baseline.promotion.name) for baseline in known)
    if name is not None:
        found = [baseline for baseline in known if baseline.promotion.name == name]
        if not found:
            raise ConfigError(f"{path} has no baseline {name!r}; it has {names or 'none'}")
        return found[0]
    found = [baseline for baseline in known if baseline.evidence.task == task]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(f"{path} has no baseline of the task {task!r}; it has {names or 'none'}")
    example = found[0].promotion.name
    raise ConfigError(
        f"{path} has {len(found)} baselines of the task {task!r}; say which: {path}#{example}"
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_BYTES:,} bytes")
        document = json.loads(path.read_bytes())
    except FileNotFoundError as exc:
        raise ConfigError(
            f"{path}: no such file; write it with: llm-eval baseline export {path}"
        ) from exc
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"{path} is no JSON: {exc}") from exc
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ConfigError(f"{path} is no file of baselines")
    if document.get("version") != VERSION:
        raise ConfigError(f"{path} is of version {document.get('version')}, this reads {VERSION}")
    if not isinstance(document.get("baselines"), list) or not document["baselines"]:
        raise ConfigError(f"{path} holds no baselines")
    return document


def _entry(baseline: FiledBaseline) -> dict[str, Any]:
    info = msgspec.to_builtins(baseline.evidence.info)
    # Where the database was is nobody's business; the numbers are computed from the rows.
    info["summary"] = None
    entry = {
        "promotion": asdict(baseline.promotion),
        "run": info,
        "columns": list(COLUMNS),
        "results": list(_rows(baseline.evidence)),
    }
    plain: dict[str, Any] = json.loads(json.dumps(entry))
    return plain


def _entry_text(entry: Mapping[str, Any]) -> str:
    head = {name: value for name, value in entry.items() if name != "results"}
    start = json.dumps(head, sort_keys=True, indent=1).removesuffix("\n}")
    lines = ",\n".join(json.dumps(row, sort_keys=True) for row in entry["results"])
    return f'{start},\n "results": [\n{lines}\n]}}'


def _rows(evidence: Evidence) -> Iterator[list[Any]]:
    table = evidence.table
    rows = zip(
        table.indices.tolist(),
        table.keys,
        table.clusters,
        table.values.tolist(),
        evidence.outcomes.each(),
        strict=True,
    )
    for index, key, cluster, values, outcome in rows:
        yield [
            index,
            outcome.epoch,
            key,
            outcome.id,
            outcome.slice,
            cluster,
            dict(outcome.groups),
            outcome.status,
            outcome.parse_failed,
            outcome.cut_off,
            list(map(_number, values)),
            _number(outcome.latency_s),
            _number(outcome.cost_usd),
            _number(outcome.prompt_tokens),
            _number(outcome.completion_tokens),
        ]


def _baseline(entry: Mapping[str, Any]) -> FiledBaseline:
    if tuple(entry["columns"]) != COLUMNS:
        raise ValueError(f"columns {entry['columns']}")
    rows = [msgspec.convert(dict(zip(COLUMNS, row, strict=True)), Row) for row in entry["results"]]
    info = msgspec.convert(entry["run"], RunInfo)
    promotion = msgspec.convert(entry["promotion"], Promotion)
    metrics = tuple(metric["name"] for metric in info.recipe.get("metrics", ()))
    return FiledBaseline(promotion, Evidence(info, _table(metrics, rows), _outcomes(rows)))


def _table(metrics: tuple[str, ...], rows: Sequence[Row]) -> ScoreTable:
    values = [_floats(row.values) for row in rows]
    samples = [
        Sample(row.key, row.id, {}, None, row.slice, row.cluster, row.groups) for row in rows
    ]
    return ScoreTable(
        metrics=metrics,
        indices=np.array([row.index for row in rows], dtype=np.int64),
        keys=[row.key for row in rows],
        labels=[sample.labels for sample in samples],
        clusters=[row.cluster for row in rows],
        failed=np.array([row.status == "failed" for row in rows], dtype=np.bool_),
        columns=as_columns(np.array(values, dtype=np.float64).reshape(len(rows), len(metrics))),
    )


def _outcomes(rows: Sequence[Row]) -> Outcomes:
    return Outcomes(
        epochs=np.array([row.epoch for row in rows], dtype=np.int64),
        ids=[row.id for row in rows],
        slices=[row.slice for row in rows],
        groups=[row.groups for row in rows],
        statuses=[row.status for row in rows],
        parse_failed=np.array([row.parse_failed for row in rows], dtype=np.bool_),
        cut_off=np.array([row.cut_off for row in rows], dtype=np.bool_),
        latency_s=_floats([row.latency_s for row in rows]),
        cost_usd=_floats([row.cost_usd for row in rows]),
        prompt_tokens=_floats([row.prompt_tokens for row in rows]),
        completion_tokens=_floats([row.completion_tokens for row in rows]),
    )


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _number(value: float) -> float | None:
    """JSON has no NaN: what is not known is null."""
    return value if isfinite(value) else None
