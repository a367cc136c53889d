"""`llm-eval compare` as people and CI jobs use it: names, exit codes, one JSON object."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from llm_eval.fingerprint import identify
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import ModelResponse, RunInfo, SampleResult, Score
from tests.cli.conftest import Run

SCRIPT = Path(__file__).parents[2] / "scripts" / "compare_runs.py"
BASELINE, WORSE, SAME, OTHER, BROKEN = (
    f"run_2026010{day}_120000_aaaaaa" for day in (1, 2, 3, 4, 5)
)
METRICS = [{"name": "exact_match", "kind": "rate", "worst": 0.0, "best": 1.0}]


@pytest.fixture
def runs(tmp_path: Path) -> None:
    """A baseline; then a worse, an equal, an incomparable and a broken-off run."""
    with MetricsStorage(f"sqlite:///{tmp_path}/.llm_eval/runs.db") as storage:
        _store(storage, BASELINE, [1.0] * 40)
        _store(storage, WORSE, [0.0] * 12 + [1.0] * 28)
        _store(storage, SAME, [1.0] * 40)
        _store(storage, OTHER, [1.0] * 40, prompt_hash="p2")
        _store(storage, BROKEN, [1.0] * 30, status="interrupted")


def _store(
    storage: MetricsStorage,
    run_id: str,
    scores: list[float],
    *,
    prompt_hash: str = "p1",
    status: str = "complete",
) -> None:
    recipe = {"task": "qa", "dataset_hash": "d", "prompt_hash": prompt_hash, "metrics": METRICS}
    created = f"{run_id[4:8]}-{run_id[8:10]}-{run_id[10:12]}T12:00:00+00:00"
    storage.create_run(
        RunInfo(run_id, "qa", "m", created, recipe, n_total=40, tags={"p": prompt_hash})
    )

    async def write() -> None:
        async with storage.writer(run_id) as writer:
            for index, score in enumerate(scores):
                sample = identify("qa", f"s{index}", {"q": index}, "a")
                reply = ModelResponse("It is Paris" if score else "It is Rome", "m")
                await writer.put_result(
                    SampleResult(
                        index, 0, sample, response=reply, scores=(Score("exact_match", score),)
                    )
                )

    asyncio.run(write())
    storage.update_run(run_id, status=status)  # type: ignore[arg-type]


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("args", "code"),
    [
        ([BASELINE, WORSE], 0),
        ([BASELINE, WORSE, "--fail-on-regression"], 1),
        ([BASELINE, SAME, WORSE, "--fail-on-regression"], 1),
        ([BASELINE, SAME, "--fail-on-regression"], 0),
        ([BASELINE, SAME, "--fail-on-inconclusive"], 3),
        ([BASELINE, SAME, "--fail-on-inconclusive", "--margin", "0.2"], 0),
        ([BASELINE, BROKEN], 0),
        ([BASELINE, BROKEN, "--fail-on-regression"], 4),
        ([BASELINE, OTHER], 2),
        ([BASELINE, OTHER, "--allow", "prompt", "--margin", "0.2"], 0),
        ([BASELINE, SAME, "--allow", "promt"], 2),
        ([BASELINE, "run_2031"], 2),
        ([BASELINE], 2),
        ([BASELINE, SAME, "--alpha", "1"], 2),
        ([BASELINE, SAME, "--margin", "x"], 2),
        ([BASELINE, SAME, "--output", "cmp.pdf"], 2),
        ([BASELINE, SAME, "--output", "nowhere/cmp.md"], 2),
    ],
)
def test_the_exit_code_says_what_was_asked(llm_eval: Run, args: list[str], code: int) -> None:
    done = llm_eval("compare", *args)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("runs")
def test_runs_are_named_by_prefix_tag_or_latest(llm_eval: Run) -> None:
    done = llm_eval("compare", "run_20260101", "p=p2", "--allow", "prompt", "--json")
    assert json.loads(done.stdout)["current"] == OTHER
    assert json.loads(llm_eval("compare", WORSE[:14], SAME, "--json").stdout)["baseline"] == WORSE
    latest = llm_eval("compare", BASELINE, "latest", "--json")
    assert json.loads(latest.stdout)["current"] == BROKEN


@pytest.mark.usefixtures("runs")
def test_json_is_one_object_and_nothing_else(llm_eval: Run, tmp_path: Path) -> None:
    done = llm_eval("compare", BASELINE, WORSE, "--json", "--output", "cmp.md")
    found = json.loads(done.stdout)
    assert (found["baseline"], found["current"]) == (BASELINE, WORSE)
    assert found["metrics"]["exact_match"]["verdict"] == "regressed"
    assert found["newly_failing"][0]["baseline_reply"] == "It is Paris"
    assert (tmp_path / "cmp.md").read_text().startswith("<!-- llm-eval compare -->")


@pytest.mark.usefixtures("runs")
def test_what_cannot_be_compared_is_said_in_json_too(llm_eval: Run) -> None:
    done = llm_eval("compare", BASELINE, OTHER, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["comparable"] is False
    assert "--allow prompt" in done.stderr


@pytest.mark.usefixtures("runs")
def test_the_terminal_says_the_verdict_and_where_to_look(llm_eval: Run) -> None:
    said = llm_eval("compare", BASELINE, WORSE).stdout
    assert "Regressed: exact_match fell from 100.0 % to 70.0 %" in said
    assert "12 newly failing" in said
    # Without colours both stand whole: a diff would read "It is ParisRome".
    assert "was       It is Paris\n    now       It is Rome" in said
    assert f"llm-eval show {WORSE} --sample s0" in said
    assert llm_eval("show", WORSE, "--sample", "s0").returncode == 0


@pytest.mark.usefixtures("runs")
def test_the_script_takes_the_same_by_name(tmp_path: Path, environment: dict[str, str]) -> None:
    names = ["--baseline", BASELINE, "--current", WORSE]
    done = subprocess.run(
        [sys.executable, SCRIPT, *names, "--fail-on-regression", "--output", "comparison.md"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "🔴" in (tmp_path / "comparison.md").read_text()


@pytest.mark.parametrize("given", [[], ["--baseline", BASELINE], ["--current", WORSE]])
def test_the_script_asks_for_its_own_flags(given: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, *given],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "compare_runs.py: error: the following arguments are required: --" in done.stderr
