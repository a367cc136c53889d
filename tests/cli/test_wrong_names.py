"""Whatever names what is not there is told so in one line, with the nearest name, and ends with 2.

The commands run in this process, on a database with one run that people could have made.
"""

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from llm_eval import evaluate
from llm_eval.cli.main import main
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.testing import ScriptedModel

Command = Callable[..., tuple[int, str, str]]

TASK = """\
name: capitals
data: rows.jsonl
messages: [{role: user, content: "{{ q }}"}]
target: "{{ a }}"
slice: "{{ continent }}"
groups: {size: "{{ size }}"}
scorers: [exact_match]
"""
ROWS = [
    {"id": "de", "q": "Germany?", "a": "Berlin", "continent": "Europe", "size": "large"},
    {"id": "mc", "q": "Monaco?", "a": "Monaco", "continent": "Europe", "size": "small"},
    {"id": "in", "q": "India?", "a": "Delhi", "continent": "Asia", "size": "large"},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a task and a database: two runs, a baseline, tags."""
    place = tmp_path_factory.mktemp("names")
    (place / "capitals.yaml").write_text(TASK)
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (place / "rules.yaml").write_text("baseline: main/capitols\nexact_match: '>= baseline - 0.5'\n")
    with MetricsStorage(f"sqlite:///{place}/runs.db") as storage:
        for release in ("1.0", "1.1"):
            run = evaluate(
                f"{place}/capitals.yaml",
                ScriptedModel(["Berlin"]),
                db=storage,
                tags={"release": release},
            )
        storage.baselines.promote("main/capitals", run.run_id, by="me")
    return place


@pytest.fixture
def command(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run `llm-eval ARGS` beside the database; exit code, standard output, standard error."""
    monkeypatch.chdir(made)
    monkeypatch.setenv("LLM_EVAL_DB", f"sqlite:///{made}/runs.db")

    def run(*args: str) -> tuple[int, str, str]:
        try:
            code = main(args)
        except SystemExit as exc:
            code = int(str(exc.code))
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["show", "release=1.2"], "no run 'release=1.2' .*did you mean 'release=1.[01]'"),
        (["show", "main/capital"], "did you mean main/capitals?"),
        (["show", "lates"], "did you mean latest?"),
        (["show", ""], "no run ''"),
        (["show", "latest", "--slice", "Eurpe"], "has no slice 'Eurpe'; did you mean 'Europe'?"),
        (["show", "latest", "--slice", ""], "no slice ''; known: Asia, Europe, size=large, size"),
        (["show", "latest", "--slice", "size=larg", "--failures"], "did you mean 'size=large'?"),
        (["show", "latest", "--slice", "SIZE=large", "--json"], "did you mean 'size=large'?"),
        (["show", "latest", "--sample", "fr"], "has no sample 'fr'; known: de, in, mc"),
        (["show", "latest", "--sample", "fr", "--json"], "has no sample 'fr'"),
        (["show", "latest", "--sample", ""], "has no sample ''"),
        (["runs", "--task", "capitals.yml"], "no run of task 'capitals.yml' .*capitals.yaml"),
        (["runs", "--task", "zzz", "--json"], "no run of task 'zzz'"),
        (["runs", "--model", "zzz"], "no run of model 'zzz' .*; known: scripted"),
        (["runs", "--tag", "relase=1.0"], "no run with tag 'relase=1.0' .*'release=1.0'"),
        (["runs", "--db", "sqlite:///nowhere.db"], "there is no database nowhere.db"),
        (["trend", "zzz"], "no run of task 'zzz'"),
        (["trend", "TASK", "--metric", "exact"], "has metric 'exact'; did you mean 'exact_match'"),
        (["trend", "TASK", "--slice", "zzz"], "has slice 'zzz'; known: Asia, Europe, size=large"),
        (["trend", "TASK", "--tag", "a=b"], "no run with tag 'a=b'"),
        (["export", "--task", "zzz", *(CSV := ["--format", "csv", "--output", "-"])], "task 'zzz'"),
        (["export", "latest", "--slice", "Asa", *CSV], "slice 'Asa'; did you mean 'Asia'?"),
        (["export", "release=2", *CSV], "no run 'release=2'"),
        (["compare", "main/capitols", "latest"], "did you mean main/capitals"),
        (["gate", "latest", "--thresholds", "rules.yaml"], "did you mean main/capitals"),
        (["gate", "latest", "--thresholds", "rule.yaml"], "did you mean rules.yaml?"),
        (["baseline", "show", "main/capitols"], "did you mean 'main/capitals'?"),
        (["baseline", "promote", "x", "release=1"], "did you mean 'release=1.[01]'?"),
        (["run", "qa", "--split", "tset", "--dry-run"], "unknown split 'tset'; did you mean 'test"),
        (["run", "qa", "--split", "dev", "--dry-run"], "split 'dev'; known: test, train, val"),
        (["run", "capitals.yaml", "--split", "val", "--dry-run"], "split 'val'; known: test"),
        (["run", "--resume", ""], "no run ''"),
        (["run", "--resume", "x", "--db", "sqlite:///nowhere.db"], "no database nowhere.db"),
        (["data", "check-contamination", "qa", "--split", "dev", "--against", "rows.jsonl"],
         "split 'dev'; known: test, train, val"),
        (["data", "check-contamination", "capitals.yaml", "--split", "dev", "--against",
          "rows.jsonl"], "split 'dev'; known: test"),
        (["rescore", "latest", "--db", "sqlite:///nowhere.db"], "no database nowhere.db"),
        (["review", "label", "latest", "--rater", "me", "--metric", "tone"], "has no judge"),
        (["review", "export", "latest", "--rater", "me", "--output", "x.csv"],
         "rater 'me' has given no label by this rubric; nobody has: llm-eval review label"),
        (["judge", "calibrate", "latest", "--db", "sqlite:///nowhere.db"], "no database nowhere"),
        (["lineage", "main/capitals"], "run main/capitals is of a model without an adapter"),
        (["lineage", "release=1"], "did you mean 'release=1.[01]'?"),
        (["lineage", "json_v1"], "adapter 'json_v1' was not trained with .*known: none"),
        (["lineage", "json_v1", "--db", "sqlite:///nowhere.db"], "no database nowhere.db"),
        (["adapter", "export", "nowhere", "--format", "gguf", "--output", "x"], "nowhere is not"),
        (["serve", "local/smollm2"], "embedded model 'smollm2'; did you mean 'smollm2-135m'?"),
        (["cache", "stats", "--db", "sqlite:///nowhere.db"], "no database nowhere.db"),
        (["cache", "prune"], "no limit: give --older-than AGE or --max-size SIZE, or --all"),
        (["cache", "prune", "--all", "--older-than", "7d"], "both --all and a limit"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_one_line_with_what_there_is(
    args: list[str], message: str, command: Command, made: Path
) -> None:
    before = sorted(path.name for path in made.iterdir())
    code, out, err = command(*(f"{made}/capitals.yaml" if a == "TASK" else a for a in args))
    assert (code, out) == (2, "")
    assert re.search(message, err), err
    assert err.count("\n") == 1
    assert sorted(path.name for path in made.iterdir()) == before


@pytest.mark.parametrize(
    ("label", "ids"),
    [("Europe", ["de", "mc"]), ("size=large", ["de", "in"]), ("size=small", ["mc"])],
)
def test_a_slice_is_named_as_the_tables_show_it(
    label: str, ids: list[str], command: Command
) -> None:
    code, out, _ = command("show", "latest", "--slice", label, "--json")
    assert code == 0
    assert [result["sample"]["id"] for result in json.loads(out)["results"]] == ids
    code, out, _ = command("export", "latest", "--slice", label, "--format", "csv", "--output", "-")
    assert code == 0
    assert [line.split(",")[6] for line in out.splitlines()[1:]] == ids


@pytest.mark.parametrize("args", [["--status", "running"], ["--status", "running", "--tag"]])
def test_right_names_that_fit_nothing_together_are_an_empty_list(
    args: list[str], command: Command
) -> None:
    if args[-1] == "--tag":
        args = [*args, "release=1.0"]
    assert command("runs", *args) == (0, "no run fits all of this\n", "")
    assert command("runs", *args, "--json") == (0, "[]\n", "")


def test_a_right_slice_without_failures_is_no_mistake(command: Command) -> None:
    code, out, err = command("show", "latest", "--sample", "de", "--failures")
    assert (code, out, err) == (0, "no sample fits\n", "")


def test_the_cache_is_emptied_only_where_all_is_said(command: Command, made: Path) -> None:
    with closing(sqlite3.connect(made / "runs.db")) as database:
        database.execute("INSERT INTO cache (key, created_at, response) VALUES ('k', 0, '{}')")
        database.commit()
    assert command("cache", "prune")[0] == 2
    assert json.loads(command("cache", "stats", "--json")[1])["replies"] == 1
    assert json.loads(command("cache", "prune", "--all", "--json")[1]) == {"deleted": 1}
