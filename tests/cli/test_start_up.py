"""`--help` and `import llm_eval` load nothing heavy."""

import ast
import subprocess
import sys
from importlib import import_module

import pytest

from llm_eval.cli.main import COMMANDS

HEAVY = {
    "aiohttp",
    "alembic",
    "asyncio",
    "jinja2",
    "msgspec",
    "numpy",
    "pyreqwest",
    "rich",
    "scipy",
    "sqlalchemy",
    "torch",
    "transformers",
    "typing",
    "vllm",
    "xllamacpp",
    "yaml",
}


def loaded(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after `code`."""
    report = "\nimport sys; print(sorted(m.split('.')[0] for m in sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code + report], capture_output=True, text=True, check=True
    )
    return set(ast.literal_eval(done.stderr.splitlines()[-1]))


def asked(*arguments: str) -> str:
    return f"from llm_eval.cli.main import main\ntry: main({[*arguments]})\nexcept SystemExit: pass"


@pytest.mark.parametrize("code", ["import llm_eval", asked(), asked("--help"), asked("shwo")])
def test_start_loads_nothing_heavy(code: str) -> None:
    assert loaded(code) & (HEAVY - ({"typing"} if "shwo" in code else set())) == set()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("argument", ["--help", "--no-such-option"])
def test_what_a_command_takes_is_told_without_loading_what_it_does(
    command: str, argument: str
) -> None:
    assert loaded(asked(command, argument)) & (HEAVY - {"typing"}) == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_what_it_takes_and_what_it_does(command: str) -> None:
    assert callable(import_module(f"llm_eval.cli.arguments.{command}").configure)
    assert callable(import_module(f"llm_eval.cli.{command}").execute)


def test_a_process_looks_for_no_garbage_at_its_end() -> None:
    code = (
        "import gc, sys\nsys.argv = ['llm-eval', '--version']\n"
        "from llm_eval.cli.main import main\n"
        "try: main()\nexcept SystemExit: print(gc.get_freeze_count() > 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"
