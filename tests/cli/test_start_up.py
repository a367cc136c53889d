"""`--help` and `import llm_eval` load nothing heavy."""

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize(
    "code",
    [
        "import llm_eval",
        "from llm_eval.cli.main import main; main([])",
        "from llm_eval.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    ],
)
def test_start_loads_nothing_heavy(code: str) -> None:
    report = "\nimport sys; print(sorted(m.split('.')[0] for m in sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code + report], capture_output=True, text=True, check=True
    )
    loaded = set(eval(done.stderr.splitlines()[-1]))
    assert loaded & HEAVY == set()
