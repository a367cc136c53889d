"""The recipes of docs/ci.md run as they stand there, over a stub, in a repository of their own."""

import os
import re
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from llm_eval.testing import StubServer
from llm_eval.testing.stub import _known

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/ci.md").read_text()


def section(title: str) -> str:
    """A chapter of the page."""
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def block(title: str, language: str, number: int = 0) -> str:
    """A fenced example of a chapter."""
    found = re.findall(rf"^```{language}\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)
    return str(found[number])


def with_model(script: str, model: str) -> str:
    """The script, asking this model."""
    changed, n = re.subn(r"--model \S+", f"--model {model}", script)
    assert n == 1
    return changed


@pytest.fixture(scope="module")
def models() -> Iterator[dict[str, str]]:
    """SPECs of a model that knows most answers, and of one that knows none."""
    with (
        StubServer(_known(["qa"], 0.1)).in_thread() as good,
        StubServer(_known(["qa"], 1.0)).in_thread() as bad,
    ):
        yield {"good": f"openai/stub@{good.url}", "bad": f"openai/stub@{bad.url}"}


@dataclass
class Repository:
    """A checkout with this project's configs, where shell scripts run as a job's do."""

    path: Path

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LLM_EVAL_", "GIT_"))}
        own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        return subprocess.run(
            command,
            cwd=self.path,
            env={**kept, **own, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def baselines(tmp_path_factory: pytest.TempPathFactory, models: dict[str, str]) -> Path:
    """A reviewed file of baselines of the good model."""
    place = Repository(tmp_path_factory.mktemp("baselines"))
    for arguments in (
        ["run", "qa", "--model", models["good"]],
        ["baseline", "promote", "main/qa", "latest", "--by", "the release job"],
        ["baseline", "export", "baselines.json"],
    ):
        assert place.run("llm-eval", *arguments).returncode == 0
    return place.path / "baselines.json"


@pytest.fixture
def repository(tmp_path: Path, baselines: Path) -> Repository:
    """Thresholds as they come along and baselines, in a git repository."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shutil.copy(baselines, tmp_path / "configs/baselines.json")
    found = Repository(tmp_path)
    assert found.run("git", "init", "-q", "-b", "main").returncode == 0
    return found


class TestGitLab:
    """`script` is one shell that stops at the first command that fails."""

    def job(self, repository: Repository, model: str) -> subprocess.CompletedProcess[str]:
        job = yaml.safe_load(block("GitLab", "yaml"))["regression"]
        commands = [c for c in job["script"] if not c.startswith("pip install")]
        assert len(commands) == len(job["script"]) - 1
        script = "\n".join(commands)
        return repository.run(
            "bash", "-eo", "pipefail", "-c", with_model(script, model),
            CI_PIPELINE_ID="17", **job["variables"],
        )  # fmt: skip

    def test_a_good_model_passes_and_leaves_its_reports(
        self, repository: Repository, models: dict[str, str]
    ) -> None:
        ended = self.job(repository, models["good"])
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert (repository.path / "gate.md").read_text().startswith("## Gate: ✅ pass")
        suite = ET.parse(repository.path / "gate.xml").getroot()[0]
        assert int(suite.attrib["tests"]) > 4
        assert suite.attrib["failures"] == "0"
        assert (repository.path / "replies/runs.db").exists()

    def test_a_bad_model_fails_the_job(
        self, repository: Repository, models: dict[str, str]
    ) -> None:
        ended = self.job(repository, models["bad"])
        assert ended.returncode == 1, ended.stdout + ended.stderr
        suite = ET.parse(repository.path / "gate.xml").getroot()[0]
        assert int(suite.attrib["failures"]) > 0

    def test_a_provider_that_is_down_is_no_pass_and_no_warning(
        self, repository: Repository
    ) -> None:
        ended = self.job(repository, "openai/stub@http://127.0.0.1:9/v1 --limit 2 --max-time 2s")
        job = yaml.safe_load(block("GitLab", "yaml"))["regression"]
        assert ended.returncode not in (0, *job["allow_failure"]["exit_codes"]), ended.stderr


class TestPrePush:
    """The hook of git, by a real push."""

    def push(
        self, repository: Repository, model: str, limit: int = 40
    ) -> subprocess.CompletedProcess[str]:
        hook = block("Before a push", "sh").replace("--limit 40", f"--limit {limit}")
        file = repository.path / ".git/hooks/pre-push"
        file.write_text(with_model(hook, model))
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        (repository.path / "configs/pre-push.yaml").write_text(block("Before a push", "yaml"))
        remote = str(repository.path / "remote.git")
        author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        for command in (
            ["git", "init", "-q", "--bare", remote],
            ["git", *author, "commit", "-q", "--allow-empty", "-m", "x"],
        ):
            assert repository.run(*command).returncode == 0
        return repository.run("git", "push", "-q", remote, "main")

    def test_a_good_model_is_pushed(self, repository: Repository, models: dict[str, str]) -> None:
        ended = self.push(repository, models["good"])
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "pass: 2 rules" in ended.stdout + ended.stderr

    def test_a_bad_model_is_not(self, repository: Repository, models: dict[str, str]) -> None:
        ended = self.push(repository, models["bad"])
        assert ended.returncode != 0
        assert "fail: " in ended.stdout + ended.stderr

    def test_a_provider_that_is_down_stops_it(self, repository: Repository) -> None:
        ended = self.push(repository, "openai/stub@http://127.0.0.1:9/v1 --max-time 2s", limit=2)
        assert ended.returncode != 0
        assert "pass: " not in ended.stdout
