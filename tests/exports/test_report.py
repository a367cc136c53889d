"""The report and its siblings: what a browser, a CI system and a model card get."""

import os
import re
import shutil
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from llm_eval.cli.main import main
from llm_eval.errors import ConfigError
from llm_eval.metrics.collector import collect
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.report import findings
from llm_eval.report.diff import word_diff
from llm_eval.report.findings import Findings, cause, failed_sample, find
from llm_eval.report.junit import write_junit
from llm_eval.report.model_index import write_model_index
from llm_eval.report.page import _FIELD_STATUSES, _field_cells, render
from llm_eval.types import RunInfo, SampleResult, Score
from tests.exports.conftest import MARKUP, METRICS, ODD, results, store


class Elements(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def page(storage: MetricsStorage, run: RunInfo) -> str:
    return render(find(storage, run))


def test_the_page_holds_no_script_and_names_no_other_place(page: str) -> None:
    for tag, attributes in Elements(page).found:
        assert tag not in ("script", "img", "iframe", "link", "object", "embed", "base", "form")
        assert not attributes.keys() & {"src", "href", "action", "style", "xlink:href", "srcset"}
        assert not [name for name in attributes if name.startswith("on")]
    assert "<script" not in page
    policy = (
        r"default-src 'none'; style-src 'sha256-[\w+/]+=*'; base-uri 'none'; form-action 'none'\""
    )
    assert re.search(policy, page.replace("&#39;", "'"))


def test_the_page_shows_numbers_slices_fields_troubles_and_recipe(page: str) -> None:
    for words in (
        "This run is incomplete.",
        "exact_match by slice with 95 % intervals",
        "fields by outcome",
        "latency of a call, seconds",
        "spurious",
        "timeout",
        "the judge is silent",
        "no JSON in the reply",
        "c0ffee",
        "Every metric by slice",
        "4 of 5 samples did not get the best score",
    ):
        assert words in page or words in page.replace("&#39;", "'"), words


def test_a_small_run_of_plain_words_fits_a_page_too(storage: MetricsStorage) -> None:
    perfect = store(storage, "run_20260102_030405_cccccc", results()[:1])
    assert "Every sample got the best score." in render(find(storage, perfect))
    empty = store(storage, "run_20260102_030405_dddddd", [])
    assert "<main>" in render(find(storage, empty))


def test_what_is_not_known_is_said_in_words(storage: MetricsStorage) -> None:
    recipe = {"task": "qa", "metrics": METRICS, "code": {"llm_eval": "0.1.0", "git_commit": None}}
    info = store(storage, "run_20260301_030405_nogit0", results(), recipe=recipe)
    text = render(find(storage, info))
    assert '<th scope="row">git commit</th><td class="text">unknown</td>' in text
    assert "2 of 3 fields have mistakes" in text
    assert "Of 2 samples there is no answer, and so no field." in text


def test_a_run_from_the_cache_alone_has_no_latency(storage: MetricsStorage) -> None:
    right = results()[0]
    assert right.response is not None
    hit = replace(right, response=replace(right.response, cached=True))
    text = render(find(storage, store(storage, "run_20260301_030405_hits00", [hit])))
    card = text.partition("<span>latency, p50</span>")[2].partition("</div>")[0]
    assert card == "<b>unknown</b><span>p95: unknown · 1 from the cache</span>"


def test_failures_are_taken_from_every_slice_and_bounded(storage: MetricsStorage) -> None:
    wrong = results()[1]
    rows = []
    for index in range(300):
        part = "late" if index > 290 else "early"
        sample = replace(wrong.sample, key=f"{index:064x}", slice=part)
        rows.append(replace(wrong, index=index, sample=sample))
    info = store(storage, "run_20260102_030405_eeeeee", rows)
    found = find(storage, info)
    assert found.n_imperfect == 300
    assert [f.slice for f in found.failures].count("early") == 100
    assert [f.slice for f in found.failures].count("late") == 9


def test_long_failures_leave_room_for_no_others(
    storage: MetricsStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = results()[1]
    rows = [replace(wrong, index=index) for index in range(5)]
    info = store(storage, "run_20260301_030405_long00", rows)
    monkeypatch.setattr(findings, "MAX_FAILURE_CHARACTERS", failed_sample(wrong).n_characters + 1)
    found = find(storage, info)
    assert (len(found.failures), found.n_imperfect) == (2, 5)


def test_latencies_of_the_cache_are_left_out_and_tokens_are_not(storage: MetricsStorage) -> None:
    right = results()[0]
    assert right.response is not None
    hit = replace(right, index=1, response=replace(right.response, cached=True))
    found = find(storage, store(storage, "run_20260301_030405_cached", [right, hit]))
    assert (found.latencies_s, found.completion_tokens) == ([0.25], [1, 1])


def test_a_reply_is_set_against_the_nearest_of_the_allowed_answers() -> None:
    right = results()[0]
    assert right.response is not None
    sample = replace(right.sample, target=["Rome, Italy", "Paris, France", "x"])
    said = replace(right, sample=sample, response=replace(right.response, text="Paris, Texas"))
    pieces = failed_sample(said).pieces
    assert "".join(p.text for p in pieces if p.kind != "added") == "Paris, France"


def test_fields_with_the_most_mistakes_come_first() -> None:
    found = Findings(RunInfo("r", "json", "m", "2026-01-02T03:04:05+00:00", {}), {})
    found.fields = {
        "once": Counter(correct=3, wrong=1),
        "never": Counter(correct=4),
        "often": Counter(correct=1, missing=3),
    }
    assert [cell.row for cell in _field_cells(found)][:: len(_FIELD_STATUSES)] == ["often", "once"]


def test_the_report_of_ten_thousand_samples_is_below_five_megabytes(
    storage: MetricsStorage,
) -> None:
    wrong = results()[1]
    assert wrong.response is not None
    long = replace(wrong.response, text="words < of & the model " * 200)
    rows: list[SampleResult] = []
    for index in range(10_000):
        sample = replace(wrong.sample, key=f"{index:064x}", slice=f"slice {index % 7}")
        rows.append(
            SampleResult(
                index, 0, sample, wrong.prompt, long, "x", None, (Score("exact_match", 0),)
            )
        )
    info = store(storage, "run_20260102_030405_ffffff", rows)
    assert len(render(find(storage, info)).encode()) < 5_000_000


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("the JSON is cut off: '{\"total\": 12'", "the JSON is cut off"),
        ("the key 'it\\'s' stands twice: '{}'", "the key … stands twice"),
        ('no answer line in: "it\'s"', "no answer line in"),
        ("the judge's reply holds 2 verdicts", "the judge's reply holds 2 verdicts"),
        ("no JSON in the reply", "no JSON in the reply"),
    ],
)
def test_equal_causes_count_as_one_whatever_they_quote(message: str, said: str) -> None:
    assert cause(message) == said


def test_a_diff_is_made_of_both_texts() -> None:
    pieces = word_diff("Paris, France", "Paris, Texas")
    assert "".join(p.text for p in pieces if p.kind != "added") == "Paris, France"
    assert "".join(p.text for p in pieces if p.kind != "missing") == "Paris, Texas"
    assert word_diff("Paris", "A completely other sentence of words") == []
    assert word_diff("a " * 700, "a " * 700) == []
    assert word_diff("", "x") == []


def test_junit_counts_what_went_wrong(storage: MetricsStorage, run: RunInfo) -> None:
    stream = BytesIO()
    assert write_junit(storage, [run], stream) == 5
    [suite] = ET.fromstring(stream.getvalue())
    totals = {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")}
    assert totals == {"tests": "5", "failures": "2", "errors": "1", "skipped": "1"}
    kinds = [case[0].tag if len(case) else "passed" for case in suite]
    assert kinds == ["passed", "failure", "skipped", "error", "failure"]


def test_junit_is_xml_whatever_a_sample_is_called(storage: MetricsStorage) -> None:
    wrong = results()[1]
    odd = replace(wrong, sample=replace(wrong.sample, id="a\ufffeb\x00\uffff", slice="<&>"))
    info = store(storage, "run_20260301_030405_oddxml", [odd])
    stream = BytesIO()
    write_junit(storage, [info], stream)
    [suite] = ET.fromstring(stream.getvalue())
    assert suite[0].attrib["name"] == "a\ufffdb\\x00\ufffd"
    assert suite[0].attrib["classname"] == "qa.<&>"


def test_a_model_card_has_the_hubs_fields(storage: MetricsStorage, run: RunInfo) -> None:
    with pytest.raises(ConfigError, match="none of these is complete"):
        write_model_index(storage, [run], BytesIO())
    storage.update_run(run.run_id, status="complete")
    complete = replace(storage.get_run(run.run_id), model="openai/m@http://10.0.0.1:8000/v1")
    stream = BytesIO()
    assert write_model_index(storage, [complete], stream) == 1
    text = stream.getvalue().decode()
    assert text.startswith("---\n")
    [model] = yaml.safe_load(text.strip("-\n"))["model-index"]
    assert model["name"] == "openai/m"
    [result] = model["results"]
    assert result["dataset"]["revision"] == "9f" * 32
    metric = result["metrics"][0]
    assert (metric["type"], metric["value"], metric["args"]["n"]) == ("exact_match", 0.2, 5)


def test_the_command_writes_every_format(
    tmp_path: Path,
    storage: MetricsStorage,
    run: RunInfo,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    db = f"sqlite:///{tmp_path}/runs.db"
    for kind in ("csv", "jsonl", "parquet", "html", "prometheus", "junit"):
        path = tmp_path / f"out.{kind}"
        assert main(["export", "--format", kind, "--output", str(path), "--db", db]) == 0
        assert path.stat().st_size > 200
    assert capfdbinary.readouterr().out == b""
    assert main(["export", "--format", "csv", "--output", "-", "--db", db]) == 0
    assert capfdbinary.readouterr().out == (tmp_path / "out.csv").read_bytes()


def test_the_hubs_own_library_reads_a_model_card(storage: MetricsStorage, run: RunInfo) -> None:
    from huggingface_hub import ModelCard

    storage.update_run(run.run_id, status="complete")
    stream = BytesIO()
    write_model_index(storage, [storage.get_run(run.run_id)], stream)
    card: Any = ModelCard(f"{stream.getvalue().decode()}\n# A model\n")
    assert card.data.model_name == "openai/m"
    first, second = card.data.eval_results
    assert (first.metric_type, first.metric_value) == ("exact_match", 0.2)
    assert (second.metric_type, second.task_type) == ("f1", "text-generation")
    assert first.metric_args["ci95_low"] < 0.2 < first.metric_args["ci95_high"]


def test_a_model_card_of_several_models_is_refused(
    storage: MetricsStorage, run: RunInfo, other: RunInfo
) -> None:
    for info in (run, other):
        storage.update_run(info.run_id, status="complete")
    both = [storage.get_run(info.run_id) for info in (run, other)]
    with pytest.raises(ConfigError, match=r"one model, not 2; --model SPEC.*openai/m, openai/n"):
        write_model_index(storage, both, BytesIO())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "html", "--failures", "--output", "x"], "--failures narrows csv"),
        (["--format", "html", "--task", "none", "--output", "x"], "no run of task 'none'"),
        (["--format", "csv", "--output", "http://x"], "a Pushgateway"),
        (["gone", "--format", "csv", "--output", "x"], "no run 'gone'"),
        (["--format", "csv", "--task", "qaa", "--output", "x"], "did you mean 'qa'?"),
        (["--format", "csv", "--model", "none", "--output", "x"], "no run of model 'none'"),
        (["--format", "csv", "--tag", "no=ne", "--output", "x"], "no run with tag 'no=ne'"),
        (["--format", "jsonl", "--since", "2100-01-01", "--output", "x"], "no run fits"),
        (
            ["--format", "csv", "--table", "summary", "--failures", "--output", "x"],
            "--failures narrows the tables samples and scores, not summary",
        ),
        (
            ["--format", "csv", "--slice", "eazy", "--output", "x"],
            "no chosen run has slice 'eazy'; did you mean 'easy'?",
        ),
        (
            ["--format", "csv", "--slice", "kind=product", "--failures", "--output", "x"],
            "no chosen run has slice 'kind=product'",
        ),
        (
            ["--format", "csv", "--table", "summary", "--slice", "x", "--output", "x"],
            "no chosen run has slice 'x'; known: easy, hard, kind=sum",
        ),
    ],
)
def test_what_cannot_be_exported_is_said_and_writes_nothing(
    tmp_path: Path,
    storage: MetricsStorage,
    run: RunInfo,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments, "--db", f"sqlite:///{tmp_path}/runs.db"]) in (2, 4)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--format", "prometheus"],
        ["--format", "csv", "--table", "summary", "--limit", "1"],
        ["run_20260301", "run_20260302", "--format", "jsonl", "--limit", "1"],
    ],
)
def test_the_newest_run_is_the_one_stored_last(
    arguments: list[str], tmp_path: Path, storage: MetricsStorage
) -> None:
    """The clock was set back between the two."""
    for run_id in ("run_20260302_030405_before", "run_20260301_030405_after0"):
        day = f"{run_id[4:8]}-{run_id[8:10]}-{run_id[10:12]}"
        info = store(storage, run_id, results()[:1], created_at=f"{day}T03:04:05+00:00")
        storage.update_run(run_id, status="complete", summary=collect(storage, run_id).to_dict())
    path = tmp_path / "x"
    url = f"sqlite:///{tmp_path}/runs.db"
    assert main(["export", *arguments, "--output", str(path), "--db", url]) == 0
    text = path.read_text()
    if "prometheus" in arguments:
        stamp = datetime.fromisoformat(info.created_at).timestamp()
        (line,) = re.findall(r"^llm_eval_run_timestamp_seconds\S* (\S+)$", text, re.MULTILINE)
        assert float(line) == stamp
    else:
        assert "after0" in text
        assert "before" not in text


def test_a_slice_without_failures_is_an_empty_table(
    tmp_path: Path, storage: MetricsStorage
) -> None:
    store(storage, "run_20260301_030405_good00", [results()[0]])
    url = f"sqlite:///{tmp_path}/runs.db"
    narrowed = ["--slice", "easy", "--failures"]
    path = tmp_path / "x.csv"
    assert main(["export", "--format", "csv", *narrowed, "--output", str(path), "--db", url]) == 0
    assert len(path.read_text().splitlines()) == 1


@pytest.fixture
def browser() -> Iterator[Any]:
    """A real Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        if os.environ.get("LLM_EVAL_REQUIRE_SYSTEM"):
            pytest.fail("needs chromium and playwright")
        pytest.skip("needs chromium (apt-get install chromium) and playwright (pip)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.system
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_a_browser_shows_it_runs_nothing_and_asks_nobody(
    tmp_path: Path, page: str, browser: Any, scheme: str, width: int
) -> None:
    path = tmp_path / "report.html"
    path.write_text(page)
    tab = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("dialog", lambda dialog: said.append(dialog.message))
    tab.on("console", lambda message: said.append(message.text))
    started = time.perf_counter()
    tab.goto(path.as_uri(), wait_until="load")
    assert time.perf_counter() - started < 30  # one second on a quiet machine
    for summary in tab.query_selector_all("summary"):
        summary.click()
    assert asked == [path.as_uri()]
    assert said == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    shown = tab.evaluate("document.body.innerText")
    assert MARKUP in shown
    ink = tab.evaluate("getComputedStyle(document.body).color")
    assert ink == ("rgb(31, 35, 40)" if scheme == "light" else "rgb(230, 237, 243)")
    drawings = tab.query_selector_all("svg")
    assert len([d for d in drawings if d.is_visible()]) == len(drawings) / 2


def test_hostile_text_is_nowhere_markup(page: str) -> None:
    assert MARKUP not in page
    assert not set("\x1b\u202e\0") & set(page)
    assert ODD not in page
