"""The command line as a process of its own, in an empty directory."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

LLM_EVAL = [sys.executable, "-m", "llm_eval"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The developer's own settings left out."""
    own = ("LLM_EVAL_DB", "LLM_EVAL_CONFIG", "OPENAI_", "ANTHROPIC_", "COLUMNS", "FORCE_COLOR")
    return {n: v for n, v in os.environ.items() if not n.startswith(own)}


@pytest.fixture
def llm_eval(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Run `llm-eval ARGS` in an empty directory; the finished process."""

    def run(*args: object, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*LLM_EVAL, *map(str, args)],
            cwd=tmp_path,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
