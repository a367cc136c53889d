"""What a reader sees: the verdict first, and model text that is never obeyed in any format."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from llm_eval.cli.comparison import print_report
from llm_eval.cli.terminal import output
from llm_eval.compare.comparison import compare_runs
from llm_eval.compare.html_page import html_page
from llm_eval.compare.markdown import LONGEST, code, markdown, prose
from llm_eval.compare.report import Report, build_report, write_report
from llm_eval.errors import ConfigError
from llm_eval.metrics.storage import MetricsStorage
from tests.compare.conftest import MakeRun

NASTY = (
    "</pre></details><script>alert(1)</script>\n\n# heading\n\n| a | b |\n"
    "@octocat #1 [x](http://e.vil) ![i](https://e.vil/i.png) https://e.vil www.e.vil `` ` ``` "
    "&lt; &#64; <img src=x onerror=alert(1)> \\| | \x1b[2J\x1b]8;;http://e.vil\x07 \u202e \ud83d"
)
NASTY_NAME = "s`|`\\|<b>@octocat</b> [x](//e.vil) *a* www.e.vil \x1b[31m"


class Parsed(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.loose = ""
        """Text outside of code, where GitHub looks for mentions."""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "rect", "line", "circle", "hr", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"code", "pre", "style"} & set(self.open):
            self.loose += data


@pytest.fixture
def report(storage: MetricsStorage, make_run: MakeRun) -> Callable[..., Report]:
    """A report of 40 samples, twelve of which fail."""

    def build(*, samples: int = 10, candidates: int = 1, **options: object) -> Report:
        before = make_run([1.0] * 40, reply="The answer is Paris.", **options)
        afters = [
            make_run([0.0] * 12 + [1.0] * 28, reply="The answer is Rome.", **options)
            for _ in range(candidates)
        ]
        found = compare_runs(storage, before, afters)
        return build_report(storage, found, samples=samples)

    return build


@pytest.fixture
def nasty(storage: MetricsStorage, make_run: MakeRun) -> Report:
    """Whatever others can write is hostile: replies, names of samples, slices and models."""
    names = {"labels": [NASTY_NAME] * 40, "ids": [f"{n} {NASTY_NAME}" for n in range(40)]}
    before = make_run([1.0] * 40, reply="fine", name=NASTY_NAME, **names)
    after = make_run([0.0] * 12 + [1.0] * 28, reply=NASTY, name=NASTY_NAME, **names)
    return build_report(storage, compare_runs(storage, before, [after]))


def rendered(text: str) -> str:
    """As a viewer would show it, raw HTML and tables included."""
    return str(
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    )


def test_markdown_says_the_verdict_first(report: Callable[..., Report]) -> None:
    lines = markdown(report()).splitlines()
    assert lines[1] == "### 🔴 `qa`: regressed"
    assert lines[3].startswith("Regressed: exact_match fell from 100.0 % to 70.0 % (−30.0 points,")


def test_markdown_shows_every_metric_with_its_proof(report: Callable[..., Report]) -> None:
    text = markdown(report())
    assert re.search(
        r"\| `exact_match` \| 100\.0 % \| 70\.0 % \| \*\*−30\.0\*\* \| −\d+\.\d … −\d+\.\d \| "
        r"&lt;\.001 \| &lt;\.001 \| 🔴 regressed \|",
        text,
    )


def test_markdown_shows_both_replies_word_by_word(report: Callable[..., Report]) -> None:
    assert "The answer is <del>Paris</del><ins>Rome</ins>." in markdown(report())


def test_markdown_renders_as_a_table_and_folds(report: Callable[..., Report]) -> None:
    page = Parsed(rendered(markdown(report(labels=["easy"] * 40))))
    assert page.tags.count("table") == 3
    assert page.tags.count("details") == 3
    assert page.open == []


def test_markdown_of_hostile_text_has_no_active_part(nasty: Report) -> None:
    page = Parsed(rendered(markdown(nasty)))
    allowed = "h3 p table thead tbody tr th td strong details summary pre del ins sub code"
    assert set(page.tags) <= set(allowed.split())
    assert {name for name, _ in page.attributes} <= {"style"}  # alignment of the tables
    assert not re.search(r"@\w|#\d|www\.\w|https?://", page.loose)


def test_every_table_keeps_its_columns_under_hostile_names(nasty: Report) -> None:
    page = rendered(markdown(nasty))
    for table in re.findall(r"<table>.*?</table>", page, re.DOTALL):
        widths = {len(re.findall(r"<t[dh][ >]", row)) for row in table.split("</tr>")[:-1]}
        assert len(widths) == 1


def test_a_comment_fits_into_a_comment(storage: MetricsStorage, make_run: MakeRun) -> None:
    labels = [f"slice {n}" for n in range(300)]
    before = make_run([1.0] * 300, labels=labels, reply="x" * 5000)
    after = make_run([0.0] * 300, labels=labels, reply="<&>" * 5000)
    found = compare_runs(storage, before, [after])
    text = markdown(build_report(storage, found, samples=100))
    assert len(text) <= LONGEST
    assert "300 newly failing" in text


@pytest.mark.parametrize("text", ["", " ", "`", "a`b", "a|b", "a\\|b", "``", "a\nb", "<!--", "*a*"])
def test_code_is_one_span_whatever_it_holds(text: str) -> None:
    page = Parsed(rendered(f"| a |\n| --- |\n| {code(text)} |"))
    assert page.tags.count("td") == 1
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


def test_prose_keeps_plain_words_readable() -> None:
    assert prose("exact_match fell by −1.5 points (p = .04)") == (
        "exact_match fell by −1.5 points (p = .04)"
    )


def test_the_page_runs_and_loads_nothing(nasty: Report, tmp_path: Path) -> None:
    path = tmp_path / "comparison.html"
    write_report(nasty, path)
    page = path.read_text()
    parsed = Parsed(page)
    assert {"script", "img", "link", "iframe", "object", "form", "base"}.isdisjoint(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name.startswith("on") or name == "src"]
    assert not [value for name, value in parsed.attributes if name == "href" and value[:1] != "#"]  # type: ignore[index]
    assert "style" not in {name for name, _ in parsed.attributes}  # the policy would refuse it
    assert parsed.open == []
    assert "\x1b" not in page
    policy = next(value for name, value in parsed.attributes if "default-src" in (value or ""))
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_the_page_has_a_plot_and_dark_colours(
    report: Callable[..., Report], tmp_path: Path
) -> None:
    path = tmp_path / "comparison.html"
    write_report(report(labels=["easy", "hard"] * 20), path)
    page = path.read_text()
    assert page.count("<svg") == 2
    assert "prefers-color-scheme: dark" in page
    assert "<del>Paris</del><ins>Rome</ins>" in page


def test_json_has_the_agreed_fields_and_both_replies(
    report: Callable[..., Report], tmp_path: Path
) -> None:
    path = tmp_path / "comparison.json"
    write_report(report(samples=2), path)
    found = json.loads(path.read_text())
    assert found["comparable"] is True
    metric = found["metrics"]["exact_match"]
    agreed = {"baseline", "current", "delta", "ci95", "p_value", "p_adjusted", "verdict"}
    assert agreed <= metric.keys()
    assert (metric["baseline"], metric["current"], metric["verdict"]) == (1.0, 0.7, "regressed")
    assert [sample["id"] for sample in found["newly_failing"]] == [f"s{n}" for n in range(12)]
    assert found["newly_failing"][0]["current_reply"] == "The answer is Rome."
    assert "current_reply" not in found["newly_failing"][2]
    assert found["newly_passing"] == []


def test_hostile_text_comes_through_json_as_it_was(nasty: Report, tmp_path: Path) -> None:
    path = tmp_path / "comparison.json"
    write_report(nasty, path)
    assert json.loads(path.read_text())["newly_failing"][0]["current_reply"] == NASTY


@pytest.mark.parametrize("ending", [".md", ".html", ".json"])
def test_several_runs_stand_in_one_report(
    ending: str, report: Callable[..., Report], tmp_path: Path
) -> None:
    several = report(candidates=3)
    path = tmp_path / f"comparison{ending}"
    write_report(several, path)
    text = path.read_text()
    for compared in several.compared:
        assert compared.comparison.current.run_id in text
    if ending == ".json":
        assert len(json.loads(text)["comparisons"]) == 3
    else:
        assert "3 runs against" in text


def test_a_report_of_another_ending_is_refused(
    report: Callable[..., Report], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"must end in \.md, \.html, \.json"):
        write_report(report(), tmp_path / "comparison.pdf")


def test_the_terminal_obeys_no_hostile_text(nasty: Report) -> None:
    with output().capture() as captured:
        print_report(nasty)
    text = captured.get()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", text)
    assert "Regressed" in text


def test_a_narrow_terminal_keeps_each_reply_on_its_line(
    nasty: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output(), "_width", 60)
    with output().capture() as captured:
        print_report(nasty)
    lines = captured.get().splitlines()
    told = [n for n, line in enumerate(lines) if line.startswith(("    asked ", "    expected "))]
    assert told
    assert [lines[n + 1] for n in told if not lines[n + 1].startswith("    ")] == []
    assert "\n\n\n" not in captured.get()


def test_an_open_question_says_what_would_decide_it(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before, after = make_run([1.0] * 50), make_run([0.0] * 3 + [1.0] * 47)
    text = markdown(build_report(storage, compare_runs(storage, before, [after])))
    assert re.search(r"No verdict: exact_match fell by 6\.0 points, which 50 samples cannot", text)
    assert re.search(r"about \d+ would decide it", text)


def test_what_is_missing_is_said_with_what_to_type(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    before = make_run([1.0, 0.0] * 300)
    after = make_run([1.0, 0.0] * 290 + ["absent"] * 20)
    text = markdown(build_report(storage, compare_runs(storage, before, [after])))
    assert "20 of 600 samples have no score" in text
    assert f"llm-eval run --resume {after.run_id}" in text


def test_unstable_samples_are_listed_with_how_often_they_pass(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    ids = ["steady", f"flaky {NASTY_NAME}", *(f"s{n}" for n in range(38))]
    before = make_run([1.0] * 40, epochs=[[1.0, 1.0]] * 40, ids=ids)
    after = make_run([1.0] * 40, epochs=[[1.0, 1.0], [0.0, 0.0], *[[1.0, 1.0]] * 38], ids=ids)
    report = build_report(storage, compare_runs(storage, before, [after]))
    for write, start in ((markdown, "1 unstable on"), (html_page, "<h2>Unstable")):
        text = write(report)
        part = text[text.index(start) :]
        assert "flaky" in part
        assert "steady" not in part
        assert "100.0 %" in part
        assert "33.3 %" in part
        assert NASTY_NAME not in part
    with output().capture() as captured:
        print_report(report)
    assert "1 unstable\n  flaky" in captured.get()
    assert "exact_match 100.0 % → 33.3 %" in captured.get()


def test_without_epochs_nothing_is_unstable(report: Callable[..., Report]) -> None:
    for write in (markdown, html_page):
        assert "nstable" not in write(report())


def test_many_runs_are_short_enough_for_a_comment_too(
    storage: MetricsStorage, make_run: MakeRun
) -> None:
    labels = [f"slice {n % 20}" for n in range(40)]
    before, *afters = (make_run([1.0] * 40, labels=labels) for _ in range(31))
    text = markdown(build_report(storage, compare_runs(storage, before, afters)))
    assert len(text) <= LONGEST
    assert text.count("### ") == 31
    assert all(run.run_id in text for run in afters)
