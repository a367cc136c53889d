"""Runs as JUnit XML, which CI systems show: a suite a run, a case a sample.

Best score: passed · anything less: failure · no reply: error · no score: skipped.
"""

import re
from collections.abc import Sequence
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from llm_eval.metrics.storage import MetricsStorage
from llm_eval.report.findings import failed_sample
from llm_eval.types import RunInfo, SampleResult
from llm_eval.visible import visible

_UNWRITABLE = re.compile("[\ufffe\uffff]")
_KINDS = {"failed": "error", "unscored": "skipped", "scored": "failure"}


def write_junit(storage: MetricsStorage, infos: Sequence[RunInfo], stream: BinaryIO) -> int:
    """Write one suite a run; the number of cases."""
    n = 0
    stream.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="llm-eval">\n')
    for info in infos:
        imperfect = {
            (row["sample_index"], row["epoch"])
            for row in storage.result_rows(info.run_id, failures=True)
        }
        stream.write(f"<testsuite {_totals(storage, info, len(imperfect))}>\n".encode())
        for result in storage.results(info.run_id):
            best = (result.index, result.epoch) not in imperfect
            stream.write(_case(info, result, best=best).encode())
            n += 1
        stream.write(b"</testsuite>\n")
    stream.write(b"</testsuites>\n")
    return n


def _totals(storage: MetricsStorage, info: RunInfo, n_imperfect: int) -> str:
    counts = storage.count_statuses(info.run_id)
    wall_s = (info.summary or {}).get("wall_s", 0.0)
    totals = {
        "name": f"{info.task} · {info.model}",
        "id": info.run_id,
        "timestamp": info.created_at,
        "time": f"{wall_s:.3f}",
        "tests": counts.scored + counts.unscored + counts.failed,
        "failures": n_imperfect - counts.failed - counts.unscored,
        "errors": counts.failed,
        "skipped": counts.unscored,
    }
    return " ".join(f"{name}={_quoted(str(value))}" for name, value in totals.items())


def _case(info: RunInfo, result: SampleResult, *, best: bool) -> str:
    name = result.sample.id if not result.epoch else f"{result.sample.id} (epoch {result.epoch})"
    classname = ".".join(filter(None, (info.task, result.sample.slice)))
    latency_s = result.response.latency_s if result.response else 0.0
    start = f'<testcase classname={_quoted(classname)} name={_quoted(name)} time="{latency_s:.3f}"'
    if best:
        return f"{start}/>\n"
    kind, sample = _KINDS[result.status], failed_sample(result)
    scores = ", ".join(f"{score.metric} {score.value}" for score in sample.scores)
    message = sample.trouble or scores
    body = f"expected:\n{sample.expected}\n\nreply:\n{sample.reply}\n\n{scores}"
    return f"{start}><{kind} message={_quoted(message)}>{_text(body)}</{kind}></testcase>\n"


def _quoted(text: str) -> str:
    return quoteattr(_plain(text))


def _text(text: str) -> str:
    return escape(_plain(text))


def _plain(text: str) -> str:
    """Only characters that XML 1.0 can hold."""
    return _UNWRITABLE.sub("\ufffd", visible(text))
