"""Rubrics: people's own YAML, refused where it cannot be graded by."""

from pathlib import Path

import pytest

from llm_eval.errors import ConfigError
from llm_eval.scorers.rubric import Rubric, fill, load_rubric, preset_names, read_rubric
from llm_eval.yaml_source import parse_yaml

GOOD = """
name: tone
dimensions:
  - name: tone
    question: Is it friendly?
    levels:
      - {name: rude, means: insults}
      - {name: kind, means: friendly}
"""


def rubric(text: str) -> Rubric:
    return read_rubric(parse_yaml(text, "tone.yaml"))


def test_all_presets_can_be_read() -> None:
    assert {
        "qa_correctness",
        "json_extraction",
        "faithfulness",
        "summary_quality",
        "instruction_following",
        "safety_refusal",
    } == set(preset_names())
    assert all(load_rubric(name).name == name for name in preset_names())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("question:", "qestion:"), r"tone.yaml:5: .*unknown key 'qestion'; did you mean"),
        (("- {name: kind, means: friendly}", ""), "2 to 5 levels, got 1"),
        (("{name: kind,", "{name: rude,"), "two levels have one name"),
        (("{name: kind,", "{name: kind, score: 0.5,"), "give every level a score, or none"),
        (("name: tone\nd", "name: tone\npass_at: 0\nd"), "pass_at must be over 0"),
        (("name: tone\nd", "name: tone\nprompt: '{{ reply }}'\nd"), "unknown placeholder 'reply'"),
        (("name: tone\nd", "name: tone\nprompt: grade it\nd"), "{{ candidate }} must stand in it"),
        (("    question:", "    weight: -1\n    question:"), "weight must be over 0"),
    ],
)
def test_a_mistake_is_told_with_its_line(change: tuple[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rubric(GOOD.replace(*change))


def test_weights_that_do_not_sum_are_refused() -> None:
    two = GOOD + GOOD[GOOD.index("  - name: tone") :].replace("tone", "style", 1)
    with pytest.raises(ConfigError, match=r"the weights must sum to 1: 1 \+ 1 = 2"):
        rubric(two)


def test_an_unknown_preset_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'faithfulness'"):
        load_rubric("faithfullness")


def test_one_changed_word_is_another_rubric_and_another_scale() -> None:
    first, second = rubric(GOOD), rubric(GOOD.replace("friendly}", "warm}"))
    assert first.fingerprint != second.fingerprint
    assert first.scale != second.scale


def test_another_prompt_is_another_rubric_on_the_same_scale() -> None:
    first = rubric(GOOD)
    second = rubric(GOOD.replace("name: tone\nd", "name: tone\nprompt: '{{ candidate }}'\nd"))
    assert first.fingerprint != second.fingerprint
    assert first.scale == second.scale


def test_a_value_is_never_looked_at_for_placeholders() -> None:
    filled = fill(
        "{{ candidate }} | {{ reference }}", {"candidate": "{{ reference }}", "reference": "R"}
    )
    assert filled == "{{ reference }} | R"


def test_a_rubric_file_stands_where_its_task_stands(tmp_path: Path) -> None:
    from llm_eval.tasks.yaml_task import YAMLTask

    (tmp_path / "tone.yaml").write_text(GOOD)
    (tmp_path / "rows.jsonl").write_text('{"q": "hi", "a": "hello"}\n')
    (tmp_path / "task.yaml").write_text(
        "name: t\ndata: rows.jsonl\nmessages: [{role: user, content: '{{ q }}'}]\n"
        "target: '{{ a }}'\nscorers: [{name: llm_judge, rubric: tone.yaml}]\n"
    )
    (scorer,) = YAMLTask(tmp_path / "task.yaml").scorers
    assert [metric.name for metric in scorer.metrics] == ["judge", "judge_pass", "judge_tone"]
