"""Every mistake is one clear line: what, where, the value, the remedy. Nothing is spent."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run

TASK = """\
name: capitals
data: rows.jsonl
messages:
  - {role: user, content: "{{ q }}"}
target: "{{ a }}"
scorers: [exact_match]
"""
ROWS = '{"q": "France?", "a": "Paris"}\n{"q": "Italy?", "a": "Rome"}\n'


def edited(old: str, new: str) -> str:
    assert old in TASK
    return TASK.replace(old, new)


@pytest.mark.parametrize(
    ("task", "rows", "message"),
    [
        (TASK, ROWS + "{broken\n", r"rows\.jsonl:3: no JSON"),
        (TASK, ROWS + "[1]\n", r"rows\.jsonl:3: a row is an object"),
        (TASK, "", r"rows\.jsonl is empty"),
        (TASK, ROWS + '{"q": "Spain?"}\n', r"rows\.jsonl:3.*'a'"),
        (TASK, None, r"rows\.jsonl is not there"),
        (edited("rows.jsonl", "rows.xlsx"), ROWS, r"rows\.xlsx"),
        (edited("exact_match", "exact_macth"), ROWS, r"t\.yaml:6.*did you mean 'exact_match'"),
        (edited("{{ q }}", "{{ question }}"), ROWS, r"'question'.*the row has: q, a"),
        (edited("{{ q }}", "{{ q "), ROWS, r"template"),
        (edited("scorers", "scorer"), ROWS, r"t\.yaml:6.*unknown key 'scorer'.*'scorers'"),
        (edited("name: capitals", "name: [1]"), ROWS, r"t\.yaml:1.*name"),
        (edited("role: user", "role: robot"), ROWS, r"t\.yaml:4.*role"),
        ("name: [", ROWS, r"t\.yaml:\d"),
        (TASK + "name: twice\n", ROWS, r"t\.yaml:7.*name"),
    ],
)
def test_a_wrong_task_is_refused_with_its_place(
    task: str, rows: str | None, message: str, llm_eval: Run, tmp_path: Path
) -> None:
    (tmp_path / "t.yaml").write_text(task)
    if rows is not None:
        (tmp_path / "rows.jsonl").write_text(rows)
    done = llm_eval("run", "t.yaml", "--model", "openai/m@http://127.0.0.1:9/v1")
    assert done.returncode == 2, done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run"], "name at least one TASK"),
        (["run", "jsn"], "did you mean 'json'"),
        (["run", "nowhere.yaml"], r"nowhere\.yaml"),
        (["run", "qa", "--model", "gpt-4o-mni"], "did you mean 'gpt-4o-mini'"),
        (["run", "qa", "--model", "gpt-4o-mini"], "set OPENAI_API_KEY"),
        (["run", "qa", "--model", "claude-haiku"], "set ANTHROPIC_API_KEY"),
        (["run", "qa", "--model", "opnai/x"], "did you mean 'openai'"),
        (["run", "qa", "--model", "gguf/nowhere.gguf"], r"nowhere\.gguf is not there"),
        (["run", "qa", "--limit", "0"], "must be at least 1, got 0"),
        (["run", "qa", "--tag", "x"], "must look like KEY=VALUE"),
        (["run", "qa", "--max-time", "soon"], "must look like 90, 90s"),
        (["run", "qa", "--db", "mysql://x/y"], "use sqlite:///FILE or postgresql://"),
        (["run", "qa", "--db", "postgresql:/host/runs"], "is no URL"),
        (["run", "--resume", "run_x"], r"there is no database \.llm_eval/runs\.db"),
        (["show", "latest"], r"there is no database \.llm_eval/runs\.db: name another with --db"),
        (["cache", "prune", "--older-than", "x"], "must look like 90, 90s"),
        (["cache", "prune", "--older-than", "nan"], "must look like 90, 90s"),
        (["cache", "prune", "--max-size", "inf"], "must look like 4096, 500M or 2G"),
        (["run", "qa", "--max-cost", "-1"], "--max-cost: must be at least 0, got '-1'"),
        (["run", "qa", "--max-cost", "nan"], "--max-cost: must be a number, got 'nan'"),
        (["run", "qa", "--temperature", "-0.1"], "--temperature: must be at least 0"),
        (["run", "qa", "--limit", "many"], "--limit: must be a whole number, got 'many'"),
        (["shwo"], "unknown command 'shwo'; did you mean 'show'"),
        (["run", "qa", "--max-cost", "1", "--model", "openai/m@http://127.0.0.1:9/v1"],
         "the price of .* is unknown"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_with_the_remedy(
    args: list[str], message: str, llm_eval: Run
) -> None:
    done = llm_eval(*args)
    assert done.returncode == 2, done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1  # so no usage of twelve lines, and no traceback


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models:\n  m: {provider: openai, model: x, temprature: 1}\n",
         r"models\.yaml:2.*'temprature'"),
        ("models:\n  m: {provider: opnai, model: x}\n", r"models\.yaml:2.*did you mean 'openai'"),
        ("models:\n  m: {provider: openai, model: x, limits: {concurrency: many}}\n",
         r"models\.yaml:2.*concurrency"),
        ("model:\n  m: {}\n", r"models\.yaml"),
        ("models:\n  m: {provider: openai, model: x, api_key_env: MY_KEY, base_url: http://x/v1}\n",
         r"models\.yaml:2: model 'm' needs its key: set MY_KEY$"),
        ("models:\n  m: {provider: anthropic, model: x}\n", r"models\.yaml:2: .*ANTHROPIC_API_KEY"),
    ],
)  # fmt: skip
def test_a_wrong_model_configuration_names_file_and_line(
    text: str, message: str, llm_eval: Run, tmp_path: Path
) -> None:
    (tmp_path / "models.yaml").write_text(text)
    done = llm_eval("run", "qa", "--model", "m", LLM_EVAL_CONFIG="models.yaml")
    assert done.returncode == 2, done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_no_database_is_refused(llm_eval: Run, tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_text("this is no database, " * 100)
    done = llm_eval("runs", "--db", "sqlite:///runs.db")
    assert done.returncode == 2
    assert "the file is something else" in done.stderr


def test_a_database_of_a_newer_release_is_refused(llm_eval: Run, tmp_path: Path) -> None:
    import sqlite3

    llm_eval("runs")
    with sqlite3.connect(tmp_path / ".llm_eval/runs.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9.0.0'")
    connection.close()
    done = llm_eval("runs")
    assert done.returncode == 2
    assert "pip install --upgrade llm-eval" in done.stderr


def test_a_directory_that_cannot_be_made_is_named(llm_eval: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = llm_eval("run", "qa", "--dry-run", "--db", f"sqlite:///{tmp_path}/file/runs.db")
    assert done.returncode == 2
    assert "name another place with --db" in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["compare", "run_a", "run_b"],
        ["gate", "latest", "--thresholds", "rules.yaml"],
        ["baseline", "list"],
        ["baseline", "promote", "main", "latest"],
        ["show", "latest"],
        ["trend", "qa"],
        ["export", "--format", "csv", "--output", "all.csv"],
    ],
)
def test_who_only_reads_makes_no_database(args: list[str], llm_eval: Run, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("exact_match: '>= 0.5'")
    done = llm_eval(*args, "--db", "sqlite:///elsewhere/runs.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no database elsewhere/runs.db: name another with --db" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rules.yaml"]
