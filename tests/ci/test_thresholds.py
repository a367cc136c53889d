"""thresholds.yaml: both forms are read, and every mistake is told with its line."""

from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from llm_eval.ci import json_schema
from llm_eval.ci.rules import (
    KINDS,
    Ceiling,
    Floor,
    NonInferiority,
    Relative,
    Rule,
    effective,
)
from llm_eval.ci.thresholds import load_thresholds, parse_thresholds
from llm_eval.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"


def rule(text: str) -> Rule:
    """The only rule of a file."""
    (found,) = parse_thresholds(text).rules
    return found


def mistake(text: str) -> str:
    """What is said about a file."""
    with pytest.raises(ConfigError) as caught:
        parse_thresholds(text, "t.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("expression", "kind", "limit"),
    [
        (">= 0.85", Floor, {"min": 0.85}),
        (">= 85%", Floor, {"min": 0.85}),
        ("<=2", Ceiling, {"max": 2.0}),
        (">= baseline - 0.02", NonInferiority, {"margin": 0.02}),
        ("<= baseline + 2%", NonInferiority, {"margin": 0.02}),
        (">= baseline * 0.95", Relative, {"max_drop": 0.05}),
        ("<= baseline * 1.2", Relative, {"max_increase": 0.2}),
    ],
)
def test_the_short_form_is_the_long_form(
    expression: str, kind: type[Rule], limit: dict[str, float]
) -> None:
    found = rule(f'json.exact_match: "{expression}"')
    assert isinstance(found, kind)
    assert found.id == "json.exact_match"
    assert {name: getattr(found, name) for name in limit} == pytest.approx(limit)


def test_both_forms_stand_in_one_file() -> None:
    text = 'qa.f1: ">= 0.5"\ngates:\n  - {id: a, metric: m, kind: floor, min: 1}\n'
    found = parse_thresholds(text, "t.yaml")
    assert found.places == {"qa.f1": "t.yaml:1", "a": "t.yaml:3"}


def test_a_rule_says_otherwise_than_the_defaults() -> None:
    text = """
defaults: {on_error: fail, tier: warn}
gates:
  - {id: a, metric: m, kind: floor, min: 1, tier: block}
"""
    found = parse_thresholds(text)
    policy = effective(found.rules[0], found.defaults)
    assert (policy.on_error, policy.tier) == ("fail", "block")


def test_nothing_opens_the_gate_by_default() -> None:
    policy = parse_thresholds('m: ">= 1"').defaults
    assert policy.tier == "block"
    assert (policy.on_error, policy.on_missing) == ("incomplete", "fail")
    assert policy.on_inconclusive == "stop"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("gates:\n- {id: a, kind: flor}", 2, "did you mean 'floor'?"),
        ("gates:\n- {id: a, metric: m}", 2, "'kind' is missing"),
        ("gates:\n- id: a\n  kind: floor\n  metrc: m", 4, "did you mean 'metric'?"),
        ("gates:\n- {id: a, kind: floor, metric: m}", 2, "'min' is missing"),
        ("gates:\n- {kind: floor, metric: m, min: 1}", 2, "'id' is missing"),
        ("gates:\n- {id: a, kind: floor, metric: m, min: high}", 2, "expected float"),
        ("gates:\n- {id: a, kind: floor, metric: m, min: 1e999}", 2, "too large"),
        ("gates:\n- {id: a, kind: floor, metric: m, min: 1, tier: blok}", 2, "mean 'block'?"),
        ("gates:\n- {id: a, kind: floor, metric: m, min: 1, margin: 1}", 2, "unknown key"),
        ("gates:\n- {id: a, kind: non_inferiority, metric: m, margin: 0}", 2, "> 0.0"),
        ("gates:\n- {id: a, kind: relative, metric: m}", 2, "either max_drop or max_increase"),
        (
            "gates:\n- {id: a, kind: relative, metric: m, max_increase: 20}",
            2,
            "allows 21 times the baseline's value; a share is meant: 0.2",
        ),
        (
            "gates:\n- {id: a, kind: floor, metric: m, min: 1, slice: {a: b, c: d}}",
            2,
            "slice takes one NAME: VALUE",
        ),
        ("gates:\n- {id: a, kind: floor, metric: m, min: 1, slice: {}}", 2, "one NAME: VALUE"),
        ("gates:\n- {id: a, kind: agreement, metric: m, min: -1}", 2, ">= 0"),
        ("gates:\n- {id: a, kind: newly_failing, max: -1}", 2, ">= 0"),
        ("gates:\n- {id: a, kind: newly_failing, confirm: 0}", 2, ">= 1"),
        ("\ndefaults: {alpha: 1}\nm: '>= 1'", 2, "< 0.5"),
        ("\ndefaults: {on_eror: fail}\nm: '>= 1'", 2, "did you mean 'on_error'?"),
        ("m: 0.85", 1, "write '>= 0.85'"),
        ("m: '0.85'", 1, "'0.85' is no rule; write '>= 0.85'"),
        ("versoin: 1", 1, "did you mean 'version'?"),
        ("m: '> 0.85'", 1, "cannot read"),
        ("m: '>= nan'", 1, "cannot read"),
        ("m: '>= 1e999'", 1, "no number"),
        ("m: '>= baseline + 0.1'", 1, "more than the baseline"),
        ("m: '<= baseline * 0.9'", 1, "> 0.0"),
        ("defalts: {}", 1, "did you mean 'defaults'?"),
        ("version: 2\nm: '>= 1'", 1, "expected 1"),
        ("gates: []", 1, "there is no rule"),
        ("allow: [dataset_hash]\nm: '>= 1'", 1, "unknown value 'dataset_hash'"),
        ("[]", 1, "must hold rules"),
        ("m: '>= 1'\ngates:\n- {id: m, kind: floor, metric: m, min: 1}", 3, "already at t.yaml:1"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, words: str) -> None:
    said = mistake(text)
    assert said.startswith(f"t.yaml:{line}: ")
    assert words in said


def test_the_file_that_comes_along_is_read() -> None:
    found = load_thresholds(CONFIGS / "thresholds.yaml")
    assert {rule.id for rule in found.rules} >= {"json-no-drop", "qa-no-drop"}


def test_the_schema_for_editors_is_in_step() -> None:
    assert (CONFIGS / "thresholds.schema.json").read_text() == json_schema.text(), (
        "write it anew: python -m llm_eval.ci.json_schema > configs/thresholds.schema.json"
    )


def test_the_schema_accepts_the_file_that_comes_along() -> None:
    validator = jsonschema_rs.validator_for(json_schema.schema())
    document = yaml.safe_load((CONFIGS / "thresholds.yaml").read_text())
    assert [str(error) for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize(
    "text",
    [
        "gates: [{id: a, kind: flor, metric: m}]",
        "gates: [{id: a, kind: floor, metric: m}]",
        "gates: [{id: a, kind: floor, metric: m, min: 1, margin: 2}]",
        "gates: [{id: a, kind: non_inferiority, metric: m, margin: 0}]",
        "m: 0.85",
        "m: '> 0.85'",
        "version: 2",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    validator = jsonschema_rs.validator_for(json_schema.schema())
    assert not validator.is_valid(yaml.safe_load(text))
    mistake(text)


def test_the_schema_knows_every_kind() -> None:
    definitions = json_schema.schema()["$defs"]
    assert {kind.__name__ for kind in KINDS.values()} <= set(definitions)
