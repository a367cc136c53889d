"""What the docs tell people to type works: every command of every page is run, or named here.

Model names lead to a stub endpoint that knows the answers, so that the commands take a moment.
"""

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_eval.tasks.build import build_task
from llm_eval.testing import StubServer

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "QUICKSTART.md", "docs/local-models.md", "docs/reliability.md")
MODELS = (
    "local/smollm2-135m",
    "hf/smollm2-135m",
    "openai/gpt-4o-mini",
)
NOT_RUN = (". .venv/bin/activate",)
"""Changes only the shell it is typed in."""
FILES = {
    "data/support.jsonl": [{"input": "My card was stolen", "target": "fraud"}],
    "capitals.jsonl": [{"country": "France", "capital": "Paris", "continent": "Europe"}],
}


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[str]:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A directory with the files that the pages speak of, and an environment."""
    directory = tmp_path_factory.mktemp("docs")
    for name, rows in FILES.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for page, name in (("README.md", "my_task.yaml"), ("QUICKSTART.md", "capitals.yaml")):
        (directory / name).write_text(blocks(page, "yaml")[0])
    (directory / "configs").mkdir()
    gold = {}
    for task in map(build_task, ("qa", "json")):
        for sample in task.samples("test"):
            prompt = "\n".join(message.content for message in task.prompt(sample))
            gold[prompt] = task.completion(sample)
    with StubServer(lambda prompt: gold.get(prompt, "Paris")).in_thread() as stub:
        models = {
            name: {"provider": "openai", "model": "stub", "base_url": stub.url} for name in MODELS
        }
        (directory / "configs/models.yaml").write_text(json.dumps({"models": models}))
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        yield directory, {**os.environ, "PATH": programs}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_runs(page: str, place: tuple[Path, dict[str, str]]) -> None:
    directory, environment = place
    for command in commands(page):
        if command in NOT_RUN:
            continue
        words = shlex.split(command)
        if words[0] == "make":
            assert words[1] in targets(), command
            continue
        assert words[0] == "llm-eval", f"{command}: say in NOT_RUN why it cannot be run"
        done = subprocess.run(
            words,
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}\n{done.stdout}"


def targets() -> set[str]:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.findall(r"make (\w+)", listed.stdout))


def test_the_python_of_the_readme_runs(place: tuple[Path, dict[str, str]]) -> None:
    directory, environment = place
    (code,) = blocks("README.md", "python")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", [*PAGES, "docs/adr/README.md", "docs/architecture.md"])
def test_every_link_within_the_repository_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text()):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), target


SEED_LINES = (
    ["scripts/run_eval.py", "--task", "json", "--model", "gpt-4o-mini", "--limit", "5"],
    ["scripts/run_eval.py", "--task", "qa", "--model", "gpt-4o-mini", "--limit", "5"],
)


@pytest.mark.parametrize("words", SEED_LINES, ids=lambda words: " ".join(words[:3]))
def test_the_scripts_take_the_lines_that_people_know(
    words: list[str], place: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    directory, environment = place
    models = json.loads((directory / "configs/models.yaml").read_text())["models"]
    config = tmp_path / "models.yaml"
    config.write_text(json.dumps({"models": {"gpt-4o-mini": models[MODELS[0]]}}))
    environment = {
        **environment,
        "LLM_EVAL_CONFIG": str(config),
        "LLM_EVAL_DB": f"sqlite:///{tmp_path}/runs.db",
    }
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "100.0 %" in done.stdout


def test_the_pipeline_script_goes_through() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/test_pipeline.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    lines = done.stdout.splitlines()
    assert [line[:2] for line in lines[1:7]] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert lines[-1] == "All tests completed successfully!"


def test_the_package_is_importable_as_src_from_the_root() -> None:
    code = "from src.llm_eval.metrics.storage import MetricsStorage; print(MetricsStorage.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "MetricsStorage\n"


OTHER_PAGES = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", OTHER_PAGES)
def test_every_command_of_the_other_pages_is_one_that_the_command_line_takes(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from llm_eval.cli.main import _parser

    for command in commands(page):
        words = shlex.split(re.split(r" (?:\|\||&&|>|\|) ", command)[0])
        if words and words[0] == "llm-eval":
            with contextlib.suppress(SystemExit):  # raised for --help, and told for a mistake
                _parser(words[1]).parse_args(words[1:])
            assert "error:" not in capsys.readouterr().err, command
