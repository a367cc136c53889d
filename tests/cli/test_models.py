"""`llm-eval models` says which models lack a key, and of which none is asked."""

from pathlib import Path

import pytest

from llm_eval.cli.main import main

MODELS = """\
models:
  hosted: {provider: openai, model: a}
  here: {provider: openai, model: b, base_url: "http://127.0.0.1:8000/v1"}
  guarded: {provider: openai, model: c, base_url: "http://127.0.0.1:8000/v1", api_key_env: MY_KEY}
  embedded: {provider: local, model: smollm2-135m}
"""


def test_a_key_is_missing_only_where_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models.yaml").write_text(MODELS)
    monkeypatch.setenv("LLM_EVAL_CONFIG", str(tmp_path / "models.yaml"))
    for name in ("OPENAI_API_KEY", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["models"]) == 0
    told = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert told["hosted"].endswith("missing: set OPENAI_API_KEY")
    assert told["guarded"].endswith("missing: set MY_KEY")
    assert told["here"].endswith("none needed")
    assert told["embedded"].endswith("none needed")
