"""The notebook runs top to bottom on a fresh sample, and its outputs are committed."""

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from llm_eval import MetricsStorage, evaluate
from llm_eval.errors import ProviderError
from llm_eval.testing import ScriptedModel

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks/results_analysis.ipynb"


@pytest.fixture(scope="module")
def sample_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    subprocess.run(
        [sys.executable, ROOT / "scripts/make_sample_database.py", path],
        check=True,
        capture_output=True,
    )
    return f"sqlite:///{path}"


def run(notebook: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of Jupyter itself
        from nbclient import NotebookClient

        place = {"metadata": {"path": str(NOTEBOOK.parent)}}
        NotebookClient(notebook, timeout=180, resources=place).execute()


@pytest.mark.filterwarnings("ignore")
def test_it_runs_top_to_bottom(sample_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat

    monkeypatch.setenv("LLM_EVAL_DB", sample_database)
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    run(notebook)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert len([o for o in outputs if "image/png" in o.get("data", {})]) >= 6


@pytest.mark.filterwarnings("ignore")
def test_it_runs_on_the_users_own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tasks and models, one of them once; a run that stopped; slices that one run lacks."""
    import nbformat

    url = f"sqlite:///{tmp_path}/runs.db"
    with MetricsStorage(url) as storage:
        for name, limit in (("m", 12), ("n", 12), ("m", 12)):
            evaluate("qa", ScriptedModel(["Paris", "4"], name=name), db=storage, limit=limit)
        failing = ScriptedModel(["x"], name="m", fault=lambda _: ProviderError("no", code="400"))
        evaluate("json", failing, db=storage, limit=2)
        stopped = ScriptedModel(["x"], name="m", fault=lambda _: ProviderError("no", fatal=True))
        evaluate("qa", stopped, db=storage, limit=12)
    monkeypatch.setenv("LLM_EVAL_DB", url)
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    run(notebook)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert len([o for o in outputs if "image/png" in o.get("data", {})]) >= 5


@pytest.mark.filterwarnings("ignore")
def test_a_database_without_runs_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat
    from nbclient.exceptions import CellExecutionError

    monkeypatch.setenv("LLM_EVAL_DB", f"sqlite:///{tmp_path}/runs.db")
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    with pytest.raises(CellExecutionError, match=r"SystemExit\S+ no runs yet: llm-eval run"):
        run(notebook)


def test_its_outputs_are_committed_and_name_no_machine() -> None:
    notebook = json.loads(NOTEBOOK.read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    counts = [cell["execution_count"] for cell in code]
    assert counts == list(range(1, len(code) + 1))
    assert any("image/png" in o.get("data", {}) for cell in code for o in cell["outputs"])
    text = NOTEBOOK.read_text()
    assert not [place for place in ("/home/", "/root/", "/tmp/", "/work/") if place in text]


def test_it_uses_public_names_only() -> None:
    notebook = json.loads(NOTEBOOK.read_text())
    source = "".join("".join(cell["source"]) for cell in notebook["cells"])
    assert "._" not in source
    assert "import _" not in source
