"""What docs/ci.md shows is read by what it describes."""

import re
from pathlib import Path

import yaml

from llm_eval.ci.gate_report import EXIT_CODES
from llm_eval.ci.measure_names import MEASURES
from llm_eval.ci.rules import KINDS
from llm_eval.ci.thresholds import parse_thresholds

TEXT = (Path(__file__).parents[2] / "docs/ci.md").read_text()


def blocks(language: str) -> list[str]:
    """Fenced examples in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_every_example_of_thresholds_is_read() -> None:
    examples = [text for text in blocks("yaml") if "script:" not in text and "runs-on:" not in text]
    assert len(examples) == 3
    for text in examples:
        assert parse_thresholds(text).rules


def test_every_example_is_yaml() -> None:
    for text in blocks("yaml"):
        assert yaml.safe_load(text)


def test_kinds_measures_and_exit_codes_are_all_there() -> None:
    assert [kind for kind in KINDS if f"`{kind}`" not in TEXT] == []
    assert [measure for measure in MEASURES if f"`{measure}`" not in TEXT] == []
    for status, code in EXIT_CODES.items():
        assert re.search(rf"^\| {status} \| {code}\b", TEXT, re.MULTILINE)
