"""The model card: what was measured, what got worse, and nothing that a name could smuggle in."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from llm_eval.cli.main import main
from llm_eval.errors import ConfigError
from llm_eval.evaluation import evaluate
from llm_eval.finetune.card import model_card
from llm_eval.finetune.card_sources import Card, gather
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.adapter_files import AdapterFiles, read_adapter
from llm_eval.testing import ScriptedModel
from llm_eval.types import RunInfo

TASK = """\
name: capitals
data: rows.jsonl
messages: [{role: user, content: "{{ q }}"}]
target: "{{ a }}"
slice: "{{ kind }}"
scorers: [exact_match]
"""
N = 60
LINEAGE: Mapping[str, Any] = {
    "recipe": {
        "base": "/home/me/tiny",
        "output": "/home/me/out",
        "lora": {"rank": 8},
        "validate": {"metric": "field_f1"},
    },
    "recipe_digest": "r" * 64,
    "task": "capitals",
    "dataset_hash": "d" * 64,
    "data": "200 rows of train",
    "parent": None,
    "seed": 7,
    "setup": "cpu, float32",
    "code": {"llm_eval": "0.1.0", "git_commit": "abc123"},
    "libraries": {"torch": "2.13.0"},
    "steps": 40,
    "curve": {
        "loss": [[step, 2.0 - step / 40] for step in range(40)],
        "validation": [[20, 0.5], [40, 0.75]],
    },
    "seconds": 90.0,
}


class OnBase(ScriptedModel):
    """A model of base `b`, with an adapter or without."""

    def __init__(self, right: Callable[[int], bool], adapter: str | None) -> None:
        def answer(messages: Any, _sampling: Any, _repeat: int) -> str:
            number = int(messages[-1].content.split()[-1])
            return f"city {number}" if right(number) else "no"

        super().__init__(answer, name=f"hf/b:{adapter}")
        self.adapter = adapter

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"provider": "hf", "base": "b", "adapter": self.adapter}


def adapter_files(path: Path = Path("tuned"), **lineage: Any) -> AdapterFiles:
    config = {"r": 8, "lora_alpha": 16, "base_model_name_or_path": "tiny"}
    manifest = {"base": {"name": "tiny", "digest": "b" * 64}, "lineage": {**LINEAGE, **lineage}}
    return AdapterFiles(path, config, "a" * 64, manifest)


@pytest.fixture
def run(storage: MetricsStorage, tmp_path: Path) -> Callable[..., RunInfo]:
    rows = (
        {"q": f"capital {n}", "a": f"city {n}", "kind": "old" if n < 30 else "new"}
        for n in range(N)
    )
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "capitals.yaml").write_text(TASK)

    def make(right: Callable[[int], bool], adapter: str | None = None) -> RunInfo:
        model = OnBase(right, adapter)
        done = evaluate(str(tmp_path / "capitals.yaml"), model, db=storage)
        return storage.get_run(done.run_id)

    return make


def head_of(text: str) -> dict[str, Any]:
    found = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert found
    head: dict[str, Any] = yaml.safe_load(found[1])
    return head


def test_it_tells_what_helped_and_what_got_worse(
    run: Callable[..., RunInfo], storage: MetricsStorage
) -> None:
    base = run(lambda n: n < 28)
    tuned = run(lambda n: n >= 20, "a" * 64)
    card = gather(storage, adapter_files(), licence="Apache-2.0")
    assert [info.run_id for info in card.runs] == [tuned.run_id]
    (comparison,) = card.comparisons
    assert comparison.baseline.run_id == base.run_id
    text = model_card(card)
    results, worse = text.split("## Against its base")[0], text.split("### What got worse")[1]
    assert "| `capitals/test` | `exact_match` | 66.7 % | 54.1 … 77.3 % | 60 | 0 | 0 |" in results
    worse = worse.split("## Training")[0]
    assert "| `capitals/test` | `exact_match` | `old` | 30 | 93.3 % | 33.3 % | −60.0 |" in worse
    assert "20 of 60 samples that the base got right fail now" in worse
    assert "what else the adapter changed is not known" in worse


def test_its_head_is_what_the_hub_reads(
    run: Callable[..., RunInfo], storage: MetricsStorage
) -> None:
    run(lambda n: True, "a" * 64)
    head = head_of(model_card(gather(storage, adapter_files(), licence="Apache-2.0")))
    assert head["base_model"] == "tiny"
    assert head["library_name"] == "peft"
    assert head["license"] == "apache-2.0"
    (entry,) = head["model-index"][0]["results"]
    assert entry["metrics"][0] | {"args": None} == {
        "type": "exact_match",
        "name": "exact_match",
        "value": 1.0,
        "verified": False,
        "args": None,
    }


def test_it_tells_how_it_was_trained_and_from_what() -> None:
    text = model_card(Card(adapter_files(), ()))
    assert "It has not been evaluated." in text
    assert "1.962 at first, 1.062 at last (40 readings)" in text
    assert "0.500 at step 20, 0.750 at step 40" in text
    assert "1.5 minutes" in text
    assert "/home/me" not in text
    for digest in ("a" * 64, "b" * 64, "d" * 64, "r" * 64):
        assert digest in text
    assert "llm-eval run capitals --model hf/tiny:tuned" in text


def test_an_adapter_from_elsewhere_has_a_card_too() -> None:
    found = replace(adapter_files(), manifest=None)
    assert "Nothing is recorded of its training." in model_card(Card(found, ()))


NASTY = "x`|</code><script>alert(1)</script>\n# h @team ![i](http://e.vil)\x1b[31m"


def test_names_from_elsewhere_stay_text() -> None:
    found = adapter_files(Path(NASTY.replace("/", "_")), data=NASTY, task=NASTY, setup=NASTY)
    found = replace(found, config={**found.config, "r": NASTY, "base_model_name_or_path": NASTY})
    text = model_card(Card(found, (), licence=NASTY))
    body = text.partition("\n---\n")[2]
    assert "<script" not in body
    assert "\x1b" not in text
    assert "](http" not in body
    assert "\n# h" not in body
    assert body.count("```") == 4
    assert head_of(text)["base_model"] == "tiny"


def test_runs_of_another_adapter_are_refused(
    run: Callable[..., RunInfo], storage: MetricsStorage
) -> None:
    other = run(lambda n: True, "c" * 64)
    with pytest.raises(ConfigError, match=r"is not of adapter tuned.*trained again"):
        gather(storage, adapter_files(), runs=[other.run_id])
    mine = run(lambda n: True, "a" * 64)
    base = run(lambda n: True)
    storage.update_run(mine.run_id, status="incomplete")
    with pytest.raises(ConfigError, match="is incomplete; a card takes complete runs"):
        gather(storage, adapter_files(), runs=[mine.run_id])
    assert gather(storage, adapter_files()).runs == []
    with pytest.raises(ConfigError, match="cannot be compared with any run"):
        gather(storage, adapter_files(), baselines=[base.run_id])


def test_the_command_writes_it_beside_the_adapter(
    run: Callable[..., RunInfo],
    storage: MetricsStorage,
    plain_adapter: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    adapter = Path(shutil.copytree(plain_adapter, tmp_path / "tuned"))
    run(lambda n: n < 28)
    run(lambda n: n >= 20, read_adapter(adapter).digest)
    words = ["adapter", "card", str(adapter), "--db", storage.url]
    assert main(words) == 0
    written = (adapter / "README.md").read_text()
    assert "# `tuned`" in written
    assert "1 run, 1 compared" in capsys.readouterr().err
    assert main([*words, "--output", "-"]) == 0
    assert capsys.readouterr().out == written
