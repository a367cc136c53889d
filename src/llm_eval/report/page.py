"""The HTML report: one file, no script, no request to anywhere.

Its Content-Security-Policy allows nothing but its own style sheet, by hash. Model text is escaped
by the template, and its control characters are shown. Colours follow the reader's light or dark
setting; every chart is drawn for a wide and for a narrow screen.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, BinaryIO

import jinja2
import msgspec
from markupsafe import Markup

from llm_eval import charts
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.report.findings import Findings, find
from llm_eval.scorers.judge_words import judge_alarms, judge_facts, judge_title
from llm_eval.types import RunInfo
from llm_eval.version import __version__
from llm_eval.visible import visible

_MAX_LABELS = 60
_MAX_GROUP_VALUES = 12
_MAX_FIELD_PATHS = 40
_FIELD_STATUSES = ("correct", "wrong", "missing", "spurious")
_RECIPE_ROWS = ("task", "task_version", "split", "n_samples", "epochs", "seed", "sampling")


def write_report(storage: MetricsStorage, info: RunInfo, stream: BinaryIO) -> int:
    """Write the report of one run; 1, the number of runs in it.

    Raises:
        ConfigError: the chart packages are missing.
    """
    stream.write(render(find(storage, info)).encode())
    return 1


def render(found: Findings) -> str:
    """The whole page."""
    css = _source("report.css")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            css=Markup(css),  # noqa: S704 - our own file
            csp=_policy(css),
            run=found.info,
            numbers=found.numbers,
            headline=_headline(found),
            labels=_labels(found.numbers),
            counts=_counts(found.numbers),
            judges=[
                (judge_title(block), list(judge_facts(block)), judge_alarms(block))
                for block in found.numbers.get("judge", ())
            ],
            drawings=_drawings(found),
            troubles=found.troubles.most_common(20),
            failures=found.failures,
            n_imperfect=found.n_imperfect,
            n_fields=len(found.fields),
            n_without_answer=sum(
                n for (kind, _), n in found.troubles.items() if kind in ("no reply", "no answer")
            ),
            n_fields_wrong=sum(c.total() > c["correct"] for c in found.fields.values()),
            recipe=_recipe(found.info),
            recipe_json=_pretty(found.info.recipe),
            version=__version__,
        )
    )


def _policy(css: str) -> str:
    """Nothing is fetched, run, framed, sent or navigated to; one style sheet is allowed."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _headline(found: Findings) -> tuple[str, Mapping[str, Any]] | None:
    """The first metric of the recipe, with its numbers."""
    return next(iter(found.numbers["metrics"].items()), None)


def _counts(numbers: Mapping[str, Any]) -> list[tuple[str, int, float]]:
    """(status, samples, share in percent) of every status that occurs."""
    total = max(1, numbers["n_total"])
    counts = {name: numbers[f"n_{name}"] for name in ("scored", "unscored", "failed")}
    counts["not done"] = numbers["n_total"] - sum(counts.values())
    return [(name, n, 100 * n / total) for name, n in counts.items() if n]


def _drawings(found: Findings) -> dict[str, Markup]:
    """The charts that this run has something for."""
    drawn: dict[str, Markup] = dict.fromkeys(("slices", "fields", "latency", "tokens"), Markup())
    numbers = found.numbers
    first = _headline(found)
    if first is not None:
        name = first[0]
        points = [_point(label, numbers["slices"][label][name]) for label in _labels(numbers)]
        if points:
            drawn["slices"] = _draw(
                lambda width: charts.intervals(
                    points, title=name, width=width, unit_scale=_fits_unit(points)
                ),
                f"{name} by slice with 95 % intervals",
            )
    if cells := _field_cells(found):
        drawn["fields"] = _draw(
            lambda width: charts.heatmap(cells, width=width), "fields by outcome"
        )
    for key, values, title in (
        ("latency", found.latencies_s, "latency of a call, seconds"),
        ("tokens", found.completion_tokens, "tokens of a reply"),
    ):
        if len(set(values)) > 1:
            drawn[key] = _draw(
                lambda width, v=values, t=title: charts.histogram(v, title=t, width=width), title
            )
    return drawn


def _draw(make: Any, describe: str) -> Markup:
    """The chart at both widths; the style sheet shows the one that fits."""
    both = (
        f'<div class="{kind}">{charts.svg(make(width), theme=charts.CSS, describe=describe)}</div>'
        for kind, width in (("wide", charts.WIDTH), ("narrow", charts.NARROW))
    )
    return Markup("".join(both))  # noqa: S704 - SVG whose labels are escaped


def _point(label: str, metric: Mapping[str, Any]) -> charts.Point:
    low, high = metric["ci95"]
    return charts.Point(f"{label} ({metric['n']})", metric["value"], low, high)


def _fits_unit(points: Sequence[charts.Point]) -> bool:
    ends = (end for p in points for end in (p.value, p.low, p.high) if end is not None)
    return all(-0.05 <= end <= 1.05 for end in ends)


def _field_cells(found: Findings) -> list[charts.Cell]:
    """Fields with mistakes, most first; a share is of all that stands at the path."""
    mistakes = {path: c.total() - c["correct"] for path, c in found.fields.items()}
    ordered = sorted((-n, path) for path, n in mistakes.items() if n)
    return [
        charts.Cell(path, status, counts[status] / counts.total(), str(counts[status] or ""))
        for _, path in ordered[:_MAX_FIELD_PATHS]
        for counts in [found.fields[path]]
        for status in _FIELD_STATUSES
    ]


def _labels(numbers: Mapping[str, Any]) -> list[str]:
    """Slices, then the groups that have few values: `doc_type=…` with fifty is for an export."""
    slices = [label for label in numbers["slices"] if "=" not in label]
    groups = [label for label in numbers["slices"] if "=" in label]
    n_values = Counter(label.partition("=")[0] for label in groups)
    few = [label for label in groups if n_values[label.partition("=")[0]] <= _MAX_GROUP_VALUES]
    return (slices + few)[:_MAX_LABELS]


def _recipe(info: RunInfo) -> list[tuple[str, str]]:
    """What produced the numbers, in the words that people ask by."""
    recipe = info.recipe
    code = recipe.get("code") or {}
    rows = [
        (name.replace("_", " "), _plain(recipe[name])) for name in _RECIPE_ROWS if name in recipe
    ]
    rows += [
        (name.replace("_", " "), str(recipe[name])[:16])
        for name in ("dataset_hash", "prompt_hash", "model_fingerprint")
        if recipe.get(name)
    ]
    known = (("llm-eval", code.get("llm_eval")), ("git commit", code.get("git_commit")))
    return rows + [(name, value or "unknown") for name, value in known]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


@cache
def _environment() -> jinja2.Environment:
    """Autoescaping: whatever is not marked as ours is text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("llm_eval", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.filters["number"] = _number
    environment.filters["seconds"] = _seconds
    environment.filters["share"] = _share
    environment.filters["interval"] = _interval
    return environment


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.3g}"


def _seconds(value: float | None) -> str:
    """`0.12 s`; `unknown` where every reply came from the cache."""
    return "unknown" if value is None else f"{value:.3g}\u00a0s"


def _share(value: float | None) -> str:
    """In percent where it is a share, as the command line says it."""
    return f"{100 * value:.1f} %" if value is not None and 0 <= value <= 1 else _number(value)


def _interval(ends: Sequence[float | None]) -> str:
    """`5.8 – 16.7 %`."""
    low, high = ends
    if low is None or high is None:
        return "—"
    if 0 <= low <= high <= 1:
        return f"{100 * low:.1f} – {100 * high:.1f} %"
    return f"{_number(low)} – {_number(high)}"


@cache
def _source(name: str) -> str:
    loader = jinja2.PackageLoader("llm_eval", "report")
    return loader.get_source(_environment(), name)[0]
