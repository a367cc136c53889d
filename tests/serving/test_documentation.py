"""What docs/serving.md and docs/adapters.md show is understood by what they describe."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from llm_eval.cli.main import _parser
from llm_eval.config import load_models

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("serving.md", "adapters.md")


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_one(page: str) -> None:
    lines = [line for block in blocks(page, "bash") for line in block.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("llm-eval ")]
    assert len(commands) >= 3
    for words in commands:
        assert _parser(words[0]).parse_args(words).command == words[0]


def test_every_configuration_is_read(tmp_path: Path) -> None:
    (text,) = blocks("serving.md", "yaml")
    (tmp_path / "models.yaml").write_text(text)
    tuned = load_models(tmp_path / "models.yaml")["tuned"]
    assert (tuned.provider, tuned.adapter) == ("vllm", "data/lora_adapters/json_v1")


def test_the_python_example_names_what_is_there() -> None:
    (text,) = blocks("serving.md", "python")
    compile(text, "serving.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    imports = [line for line in text.splitlines() if line.startswith("from ")]
    exec("\n".join(imports), {})


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (DOCS / page).read_text()):
        assert "://" in target or (DOCS / target).exists(), target
