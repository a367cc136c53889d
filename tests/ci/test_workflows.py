"""The workflows and the action: safe by their form, and their steps run here, over a stub."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from llm_eval.testing import StubServer
from llm_eval.testing.stub import _known

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
ACTION = ROOT / "action.yml"
FILES = [*WORKFLOWS, ACTION]
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def load(path: Path) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads the key `on` as true."""
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {("on" if key is True else str(key)): value for key, value in document.items()}


def steps(path: Path) -> Iterator[dict[str, Any]]:
    """Every step of a workflow or of an action."""
    document = load(path)
    for job in document.get("jobs", {"": document.get("runs", {})}).values():
        yield from job["steps"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
class TestForm:
    """What makes a workflow unsafe is not in them."""

    def test_no_expression_becomes_part_of_a_script(self, path: Path) -> None:
        assert [step for step in steps(path) if "${{" in step.get("run", "")] == []

    def test_every_action_is_pinned(self, path: Path) -> None:
        pinned = re.compile(r"\./|[\w.-]+/[\w./-]+@(v\d+(\.\d+)*|[0-9a-f]{40})|docker://\S+:\d\S*")
        used = [step["uses"] for step in steps(path) if "uses" in step]
        assert [name for name in used if not pinned.fullmatch(name)] == []

    def test_no_secret_is_named(self, path: Path) -> None:
        values = str(load(path))
        assert "secrets." not in values

    def test_every_script_is_valid_bash(self, path: Path) -> None:
        for step in steps(path):
            checked = subprocess.run(
                ["bash", "-n"],
                input=step.get("run", ""),
                text=True,
                capture_output=True,
                check=False,
            )
            assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
class TestWorkflow:
    """Tokens can do as little as the job needs."""

    def test_the_default_token_only_reads(self, path: Path) -> None:
        assert load(path)["permissions"] == {"contents": "read"}

    def test_forks_never_run_with_the_rights_of_the_repository(self, path: Path) -> None:
        assert "pull_request_target" not in load(path)["on"]
        assert "workflow_run" not in load(path)["on"]

    def test_a_token_that_writes_never_meets_the_code_of_the_change(self, path: Path) -> None:
        for job in load(path)["jobs"].values():
            if "write" in str(job.get("permissions", "")):
                used = [step["uses"] for step in job["steps"] if "uses" in step]
                assert not any(name.startswith(("actions/checkout", "./")) for name in used)

    def test_a_checkout_leaves_no_token_behind(self, path: Path) -> None:
        checkouts = [s for s in steps(path) if s.get("uses", "").startswith("actions/checkout")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)

    def test_every_job_ends(self, path: Path) -> None:
        assert all("timeout-minutes" in job for job in load(path)["jobs"].values())


def test_tests_run_on_every_supported_python() -> None:
    matrix = load(ROOT / ".github/workflows/ci.yaml")["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]


def test_actionlint_finds_nothing() -> None:
    if (actionlint := shutil.which("actionlint")) is None:
        pytest.skip("actionlint is not installed")
    checked = subprocess.run(
        [actionlint, *map(str, WORKFLOWS)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


@dataclass
class Runner:
    """Runs the shell steps of `action.yml` as a runner does: one bash each, outputs by file."""

    workspace: Path
    inputs: Mapping[str, str]
    log: str = ""
    code: int = 0
    outputs: dict[str, str] = field(default_factory=dict)

    def run(self) -> "Runner":
        """All steps up to the first that fails."""
        given = {name: spec.get("default", "") for name, spec in load(ACTION)["inputs"].items()}
        context = {f"inputs.{name}": value for name, value in {**given, **self.inputs}.items()}
        for step in steps(ACTION):
            if "if" in step and step["if"] == "inputs.install == 'true'":
                continue  # it is installed
            self._step(step, context)
            if self.code:
                break
        return self

    def script(self, path: Path, name: str) -> None:
        """One shell step of a workflow, by its name."""
        (step,) = [step for step in steps(path) if step.get("name") == name]
        self._step(step, {})

    def _step(self, step: Mapping[str, Any], context: dict[str, str]) -> None:
        output, summary = self.workspace / "output.txt", self.workspace / "summary.md"
        output.write_text("")
        expand = {k: _expanded(str(v), context) for k, v in step.get("env", {}).items()}
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={
                **_clean(os.environ),
                **expand,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
                "GITHUB_ACTOR": "octocat",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.log += ended.stdout + ended.stderr
        self.code = ended.returncode
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            context[f"steps.{step['id']}.outputs.{name}"] = value
            self.outputs[name] = value


def _expanded(text: str, context: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda match: context[match[1]], text)


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    own = ("LLM_EVAL_", "OPENAI_", "ANTHROPIC_", "GITHUB_")
    return {name: value for name, value in environment.items() if not name.startswith(own)}


THRESHOLDS = """
version: 1
allow: [prompt]
defaults: {on_inconclusive: warn}
gates:
  - {id: qa-no-drop, metric: qa.exact_match, kind: non_inferiority, margin: 0.05}
  - {id: errors, metric: error_rate, kind: ceiling, max: 0.05}
"""


@pytest.fixture(scope="module")
def endpoints() -> Iterator[dict[str, str]]:
    """SPECs of a model that knows most answers, and of one that knows half."""
    with (
        StubServer(_known(["qa"], 0.1)).in_thread() as good,
        StubServer(_known(["qa"], 0.5)).in_thread() as bad,
    ):
        yield {"good": f"openai/stub@{good.url}", "bad": f"openai/stub@{bad.url}"}


@pytest.fixture(scope="module")
def baselines(tmp_path_factory: pytest.TempPathFactory, endpoints: Mapping[str, str]) -> Path:
    """A reviewed file of baselines, made where the database does not stay."""
    directory = tmp_path_factory.mktemp("baselines")
    for arguments in (
        ["run", "qa", "--model", endpoints["good"]],
        ["baseline", "promote", "main/qa", "latest", "--by", "the release job"],
        ["baseline", "export", "baselines.json"],
    ):
        subprocess.run(
            [sys.executable, "-m", "llm_eval", *arguments],
            cwd=directory,
            env=_clean(os.environ),
            check=True,
            capture_output=True,
        )
    return directory / "baselines.json"


@pytest.fixture
def workspace(tmp_path: Path, baselines: Path) -> Path:
    """A checkout with thresholds and baselines, and no database yet."""
    (tmp_path / "thresholds.yaml").write_text(THRESHOLDS)
    shutil.copy(baselines, tmp_path)
    return tmp_path


def runner(workspace: Path, model: str, **inputs: str) -> Runner:
    """The action over `model`, with what regression.yaml gives it."""
    given = {
        "task": "qa",
        "model": model,
        "thresholds": "thresholds.yaml",
        "baselines-file": "baselines.json",
        "baseline": "main/qa",
        "report": "reports/qa",
    }
    return Runner(workspace, {**given, **inputs}).run()


def test_an_unchanged_model_passes(workspace: Path, endpoints: Mapping[str, str]) -> None:
    ended = runner(workspace, endpoints["good"])
    assert ended.code == 0, ended.log
    assert ended.outputs["exit-code"] == "0"
    assert ended.outputs["run-id"].startswith("run_")
    files = {path.name for path in (workspace / "reports/qa").iterdir()}
    assert files == {"run.json", "comparison.md", "gate.md", "junit.xml", "gate.sarif"}


def test_a_worse_model_is_stopped_and_says_why(
    workspace: Path, endpoints: Mapping[str, str]
) -> None:
    ended = runner(workspace, endpoints["bad"])
    assert (ended.code, ended.outputs["exit-code"]) == (1, "1"), ended.log
    assert "::error file=thresholds.yaml,line=6,title=gate qa-no-drop%3A fail::" in ended.log
    summary = (workspace / "summary.md").read_text()
    assert "❌ fail" in summary
    ended.script(ROOT / ".github/workflows/regression.yaml", "Write the comment")
    comment = (workspace / "comment.md").read_text()
    assert comment.startswith("## Gate: ❌ fail")
    assert len(comment) < 65536


def test_a_baseline_of_other_data_is_refused(workspace: Path, endpoints: Mapping[str, str]) -> None:
    ended = runner(workspace, endpoints["good"], **{"run-arguments": "--limit 20"})
    assert (ended.code, ended.outputs["exit-code"]) == (2, "2"), ended.log
    assert "::error title=gate::" in ended.log
    assert "not held" in (workspace / "reports/qa/gate.md").read_text()


def test_a_provider_that_is_down_is_no_pass(workspace: Path) -> None:
    ended = runner(
        workspace,
        "openai/stub@http://127.0.0.1:9/v1",
        **{"run-arguments": "--limit 2 --max-time 2s"},
    )
    assert ended.code not in (0, 1), ended.log


def test_known_replies_are_replayed_without_a_model(workspace: Path) -> None:
    """What a fork's pull request does with the cache of the main branch."""
    with StubServer(_known(["qa"], 0.1)).in_thread() as stub:
        model = f"openai/stub@{stub.url}"
        assert runner(workspace, model).code == 0
    ended = runner(workspace, model)
    assert ended.code == 0, ended.log
    run = json.loads((workspace / "reports/qa/run.json").read_text())
    assert run["cache_hits"] == run["n_total"] == 120


def test_a_database_that_cannot_be_opened_is_no_regression(workspace: Path) -> None:
    (workspace / ".llm_eval").write_text("a file where the directory should be")
    ended = runner(workspace, "openai/stub@http://127.0.0.1:9/v1")
    assert ended.code == 2, ended.log
    assert "Traceback" not in ended.log


def test_hostile_inputs_stay_arguments(workspace: Path) -> None:
    ended = runner(workspace, "x; touch owned", task="$(touch owned)", **{"run-arguments": "`id`"})
    assert ended.code == 2, ended.log
    assert not (workspace / "owned").exists()


def test_the_workflow_gives_the_action_inputs_that_it_has() -> None:
    workflow = load(ROOT / ".github/workflows/regression.yaml")
    (step,) = [s for s in workflow["jobs"]["evaluate"]["steps"] if s.get("uses") == "./"]
    assert set(step["with"]) <= set(load(ACTION)["inputs"])
