"""A task of people's own: five lines over their rows, and a clear word about every mistake."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.errors import ConfigError, DatasetError, ParseError
from llm_eval.fingerprint import identify
from llm_eval.recipe import scan
from llm_eval.scorers.deterministic import Choice, ExactMatch
from llm_eval.scorers.json_fields import JSONFields
from llm_eval.scorers.json_parse import ParsedJSON
from llm_eval.tasks import few_shot
from llm_eval.tasks.build import build_task
from llm_eval.tasks.yaml_task import YAMLTask
from llm_eval.types import Message, ModelResponse, Sample, Sampling, Score

FIVE_LINES = """\
name: support
data: {data}
messages: [{{role: user, content: "{{{{ input }}}}"}}]
target: "{{{{ target }}}}"
scorers: [exact_match]
"""

ROWS: list[dict[str, Any]] = [
    {"input": f"Where is order {n}?", "target": f"answer {n}"} for n in range(8)
]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def task(
    folder: Path,
    *,
    rows: list[dict[str, Any]] | None = None,
    without: tuple[str, ...] = (),
    **changes: str,
) -> YAMLTask:
    """The five-line task with keys replaced, added or left out, over `rows`."""
    write_rows(folder / "rows.jsonl", ROWS if rows is None else rows)
    keys = {
        "name": "support",
        "data": "rows.jsonl",
        "messages": '[{role: user, content: "{{ input }}"}]',
        "target": '"{{ target }}"',
        "scorers": "[exact_match]",
    } | changes
    lines = (f"{key}: {value}\n" for key, value in keys.items() if key not in without)
    (folder / "task.yaml").write_text("".join(lines))
    return YAMLTask(folder / "task.yaml")


def refused(folder: Path, **changes: Any) -> str:
    """What the task's YAML is refused with, from the file's name on."""
    with pytest.raises(ConfigError) as caught:
        task(folder, **changes)
    return shortened(str(caught.value), folder)


def shortened(message: str, folder: Path) -> str:
    assert "\n" not in message
    return message.replace(f"{folder}/", "")


def write_parquet(path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(ROWS), path)


def write_csv(path: Path) -> None:
    lines = [f'"{row["input"]}",{row["target"]}' for row in ROWS]
    path.write_text("\n".join(["input,target", *lines]))


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_five_lines_make_a_task_of_a_file(suffix: str, tmp_path: Path) -> None:
    data = tmp_path / f"rows.{suffix}"
    write = {"jsonl": lambda p: write_rows(p, ROWS), "csv": write_csv, "parquet": write_parquet}
    write[suffix](data)
    (tmp_path / "task.yaml").write_text(FIVE_LINES.format(data=data.name))
    made = build_task(str(tmp_path / "task.yaml"))
    samples = list(made.samples())
    assert [sample.target for sample in samples] == [row["target"] for row in ROWS]
    assert made.prompt(samples[3]) == (Message("user", "Where is order 3?"),)
    assert made.completion(samples[3]) == "answer 3"
    assert made.scorers == (ExactMatch(),)
    assert scan(made, "test", None).n == len(ROWS)


def test_the_same_rows_are_the_same_samples_in_every_format(tmp_path: Path) -> None:
    write_csv(tmp_path / "rows.csv")
    from_csv = [sample.key for sample in task(tmp_path, data="rows.csv").samples()]
    assert from_csv == [sample.key for sample in task(tmp_path).samples()]


def test_every_key_is_used(tmp_path: Path) -> None:
    made = task(
        tmp_path,
        rows=[{"key": "r1", "q": "2+2?", "kind": "sum", "doc": "d1", "gold": {"answer": [4, 5]}}],
        without=("target",),
        version="3",
        messages='[{role: system, content: Be brief.}, {role: user, content: "{{ q }}"}]',
        target_field="gold.answer",
        id='"{{ key }}"',
        slice='"{{ kind }}"',
        cluster='"{{ doc }}"',
        groups='{first: "{{ q[0] }}"}',
        sampling="{temperature: 0.5, max_tokens: 9, stop: [END]}",
        scorers="[exact_match, {name: choice, letters: ABCD}]",
        parse="answer",
        on_parse_error="exclude",
    )
    (sample,) = made.samples()
    assert (sample.id, sample.target, sample.cluster) == ("r1", [4, 5], "d1")
    assert sample.labels == ("sum", "first=2")
    assert made.prompt(sample) == (Message("system", "Be brief."), Message("user", "2+2?"))
    assert made.sampling == Sampling(temperature=0.5, max_tokens=9, stop=("END",))
    assert made.scorers == (ExactMatch(), Choice(letters="ABCD"))
    assert (made.version, made.on_parse_error) == (3, "exclude")
    assert made.completion(sample) == "4"
    assert made.parse(sample, ModelResponse("So.\nAnswer: 4", "m")) == "4"


def test_a_row_without_a_label_has_none(tmp_path: Path) -> None:
    (sample,) = task(
        tmp_path,
        rows=[{"input": "Where?", "target": None, "kind": None}],
        slice='"{{ kind }}"',
        cluster='"{{ kind }}"',
        groups='{kind: "{{ kind }}", all: "yes"}',
    ).samples()
    assert (sample.target, sample.slice, sample.cluster) == (None, None, None)
    assert sample.groups == {"all": "yes"}


def test_an_empty_cell_is_no_cluster_that_all_such_rows_share(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(
        "input,target,doc\nWhere?,Paris,\nWhen?,1815,  \nWho?,Ana,d1\n"
    )
    label = '"{{ doc }}"'
    samples = list(
        task(
            tmp_path, data="rows.csv", slice=label, cluster=label, groups=f"{{doc: {label}}}"
        ).samples()
    )
    assert [sample.cluster for sample in samples] == [None, None, "d1"]
    assert [sample.labels for sample in samples] == [(), (), ("d1", "doc=d1")]


def test_a_list_of_answers_is_not_written_as_one(tmp_path: Path) -> None:
    made = task(tmp_path, rows=[{"input": "Where?", "target": ["Paris", "paris"]}])
    with pytest.raises(DatasetError) as caught:
        list(made.samples())
    assert shortened(str(caught.value), tmp_path).startswith(
        "rows.jsonl:1: template '{{ target }}': the value is a list"
    )


def test_a_reply_is_parsed_as_the_task_says(tmp_path: Path) -> None:
    reply = ModelResponse('<think>no</think>{"a": 1}\n', "m")
    sample = identify("t", "1", {}, "x")
    assert task(tmp_path).parse(sample, reply) == '{"a": 1}'
    assert task(tmp_path, parse="answer").parse(sample, reply) == '{"a": 1}'
    assert task(tmp_path, parse="json").parse(sample, reply) == ParsedJSON({"a": 1}, strict=False)
    with pytest.raises(ParseError):
        task(tmp_path, parse="json").parse(sample, ModelResponse("none", "m"))


def test_rows_are_named_by_their_id_else_their_line(tmp_path: Path) -> None:
    rows = [
        {"input": "a", "target": "b"} | more for more in ({"id": 0}, {"id": ""}, {}, {"id": "x"})
    ]
    assert [sample.id for sample in task(tmp_path, rows=rows).samples()] == ["0", "2", "3", "x"]


def test_the_tasks_json_schema_decides_schema_validity(tmp_path: Path) -> None:
    made = task(
        tmp_path,
        rows=[{"input": "x", "target": {"a": 1}}],
        without=("target",),
        target_field="target",
        scorers="[json_fields]",
        json_schema="{type: object, properties: {a: {type: number}}}",
        parse="json",
    )
    (sample,) = made.samples()
    given = {s.metric: s for s in JSONFields().grade(sample, ParsedJSON({"a": "1"}, strict=True))}
    assert given["schema_valid"] == Score("schema_valid", 0.0)
    assert made.json_schema(sample) == {"type": "object", "properties": {"a": {"type": "number"}}}
    assert made.prompt(sample) == (Message("user", "x"),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"without": ("name",)}, "task.yaml:1: task: the key 'name' is missing"),
        ({"scorer": "x"}, "task.yaml:6: task: unknown key 'scorer'; did you mean 'scorers'?"),
        ({"data": "7"}, "task.yaml:2: task, data: expected str, got 7"),
        ({"messages": "[]"}, "task.yaml:3: messages: at least one is needed"),
        ({"scorers": "[]"}, "task.yaml:5: scorers: at least one is needed"),
        (
            {"messages": "[{role: usr, content: x}]"},
            "task.yaml:3: task, messages[0].role: unknown value 'usr'; did you mean 'user'?",
        ),
        (
            {"messages": "[{role: user, contnt: x}]"},
            "task.yaml:3: task, messages[0]: unknown key 'contnt'; did you mean 'content'?",
        ),
        (
            {"messages": '[{role: user, content: "{{ input "}]'},
            "task.yaml:3: template '{{ input ': unexpected end of template, expected 'end of print",
        ),
        ({"without": ("target",)}, "task.yaml:1: give either `target` or `target_field`"),
        ({"target_field": "x"}, "task.yaml:4: give either `target` or `target_field`"),
        (
            {"scorers": "[exact_mtch]"},
            "task.yaml:5: unknown scorer 'exact_mtch'; did you mean 'exact_match'?",
        ),
        (
            {"scorers": "[{name: exact_match, numerc: true}]"},
            "task.yaml:5: scorer exact_match: unknown key 'numerc'; did you mean 'numeric'?",
        ),
        (
            {"scorers": "[{name: exact_match, normalise: sqad}]"},
            "task.yaml:5: scorer exact_match, normalise: unknown value 'sqad'; did you mean 'squa",
        ),
        (
            {"scorers": "[{name: exact_match, numeric: 3}]"},
            "task.yaml:5: scorer exact_match, numeric: expected bool, got 3",
        ),
        (
            {"scorers": "[{name: regex, pattern: '(a'}]"},
            "task.yaml:5: scorer regex: regex pattern '(a': missing ) at position 2",
        ),
        ({"scorers": "[3]"}, "task.yaml:5: a scorer is a name or has one, got 3"),
        (
            {"sampling": "{temprature: 1}"},
            "task.yaml:6: task, sampling: unknown key 'temprature'; did you mean 'temperature'?",
        ),
        (
            {"sampling": "{temperature: hot}"},
            "task.yaml:6: task, sampling, temperature: expected float, got 'hot'",
        ),
        ({"few_shot": "{n: 0}"}, "task.yaml:6: few_shot.n must be at least 1, got 0"),
        ({"parse": "jsn"}, "task.yaml:6: task, parse: unknown value 'jsn'; did you mean 'json'?"),
        ({"groups": '{a: "{% if %}"}'}, "task.yaml:6: template '{% if %}': Expected an expression"),
    ],
)
def test_a_mistake_in_the_yaml_is_told_with_file_line_and_the_nearest_name(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    assert refused(tmp_path, **changes).startswith(message)


def test_an_unknown_task_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown task 'jsn'; did you mean 'json'\?"):
        build_task("jsn")
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        build_task("nowhere.yaml")


def test_a_task_of_configs_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "configs" / "tasks"
    home.mkdir(parents=True)
    task(home)
    (home / "task.yaml").rename(home / "support.yaml")
    monkeypatch.chdir(tmp_path)
    assert build_task("support").name == "support"


def test_a_field_that_no_row_has_fails_before_the_first_call(tmp_path: Path) -> None:
    made = task(tmp_path, messages='[{role: user, content: "{{ inptu }}"}]')
    with pytest.raises(DatasetError) as caught:
        scan(made, "test", None)
    assert shortened(str(caught.value), tmp_path) == (
        "rows.jsonl:1: template '{{ inptu }}': 'inptu' is undefined; the row has: input, target"
    )


@pytest.mark.parametrize("key", ["input", "target"])
def test_a_row_that_lacks_a_field_is_named_with_its_line(key: str, tmp_path: Path) -> None:
    broken = [*ROWS[:2], {k: v for k, v in ROWS[2].items() if k != key}, *ROWS[3:]]
    with pytest.raises(DatasetError) as caught:
        scan(task(tmp_path, rows=broken), "test", None)
    assert shortened(str(caught.value), tmp_path).startswith(
        f"rows.jsonl:3: template '{{{{ {key} }}}}': '{key}' is undefined; the row has: "
    )


def test_a_target_field_that_is_not_there_is_named(tmp_path: Path) -> None:
    made = task(tmp_path, without=("target",), target_field="gold.answer")
    with pytest.raises(DatasetError) as caught:
        next(made.samples())
    assert shortened(str(caught.value), tmp_path) == (
        "rows.jsonl:1: target_field 'gold.answer': no 'gold'; the row has: input, target"
    )


def test_a_template_in_a_row_is_text(tmp_path: Path) -> None:
    made = task(tmp_path, rows=[{"input": "{{ target }}", "target": "secret"}])
    (sample,) = made.samples()
    assert made.prompt(sample) == (Message("user", "{{ target }}"),)


def test_examples_stand_between_the_system_message_and_the_question(tmp_path: Path) -> None:
    made = task(
        tmp_path,
        messages='[{role: system, content: Brief.}, {role: user, content: "{{ input }}"}]',
        few_shot="{n: 2}",
    )
    sample = next(made.samples())
    head, *shots, question = made.prompt(sample)
    assert (head.role, question.content) == ("system", sample.inputs["input"])
    assert [message.role for message in shots] == ["user", "assistant"] * 2
    assert {message.content for message in shots}.isdisjoint({question.content, sample.target})
    answers = {row["input"]: row["target"] for row in ROWS}
    assert all(
        answers[q.content] == a.content for q, a in zip(shots[::2], shots[1::2], strict=True)
    )


def prompts(made: YAMLTask, limit: int | None = None) -> dict[str, tuple[Message, ...]]:
    samples = list(made.samples())[:limit]
    return {sample.key: made.prompt(sample) for sample in samples}


def test_examples_depend_on_seed_task_and_sample_alone(tmp_path: Path) -> None:
    before = prompts(task(tmp_path, few_shot="{n: 3, seed: 1}"))
    mixed = random.Random(0).sample(ROWS, len(ROWS))
    assert prompts(task(tmp_path, rows=mixed, few_shot="{n: 3, seed: 1}")) == before
    some = prompts(task(tmp_path, few_shot="{n: 3, seed: 1}"), limit=2)
    assert some == {key: before[key] for key in some}
    assert prompts(task(tmp_path, few_shot="{n: 3, seed: 2}")) != before
    other = prompts(task(tmp_path, name="other", few_shot="{n: 3, seed: 1}"))
    assert list(other.values()) != list(before.values())


POOL = [identify("t", str(n), {"n": n}, n) for n in range(12)]


@given(st.permutations(POOL), st.sampled_from(POOL), st.integers(1, 11), st.integers(0, 5))
def test_a_choice_is_the_same_for_every_order_and_never_the_sample_itself(
    pool: list[Sample], sample: Sample, n: int, seed: int
) -> None:
    chosen = few_shot.choose(pool, sample, n, task="t", seed=seed)
    assert chosen == few_shot.choose(POOL, sample, n, task="t", seed=seed)
    assert len({shot.key for shot in chosen}) == n
    assert sample not in chosen
    # Fewer examples are the beginning of more.
    assert chosen[:1] == few_shot.choose(POOL, sample, 1, task="t", seed=seed)


def test_every_row_is_chosen_about_as_often() -> None:
    counts = dict.fromkeys((sample.key for sample in POOL), 0)
    for seed in range(200):
        for shot in few_shot.choose(POOL, POOL[0], 3, task="t", seed=seed):
            counts[shot.key] += 1
    del counts[POOL[0].key]
    # 600 draws over 11 rows: 54.5 each; five standard deviations are 32
    assert all(abs(count - 600 / 11) < 32 for count in counts.values())


def test_examples_of_their_own_file_may_all_be_used(tmp_path: Path) -> None:
    write_rows(tmp_path / "shots.jsonl", [{"input": "x", "target": "y"}] * 2)
    made = task(tmp_path, few_shot="{n: 1, data: shots.jsonl}")
    shot, answer, _ = made.prompt(next(made.samples()))
    assert (shot.content, answer.content) == ("x", "y")


def test_too_few_examples_fail_before_the_first_call(tmp_path: Path) -> None:
    made = task(tmp_path, rows=[*ROWS[:2], ROWS[1]], few_shot="{n: 2}")
    with pytest.raises(DatasetError, match=r"few_shot\.n is 2, but besides sample '1' there are 1"):
        scan(made, "test", None)


def test_an_example_that_lacks_a_field_is_named_with_its_own_line(tmp_path: Path) -> None:
    write_rows(tmp_path / "shots.jsonl", [{"question": "x", "target": "y"}])
    made = task(tmp_path, few_shot="{n: 1, data: shots.jsonl}")
    with pytest.raises(DatasetError) as caught:
        scan(made, "test", None)
    assert shortened(str(caught.value), tmp_path).startswith(
        "shots.jsonl:1: template '{{ input }}'"
    )


def test_the_prompt_hash_follows_templates_and_examples_not_rows(tmp_path: Path) -> None:
    plain = task(tmp_path).prompt_hash
    assert task(tmp_path, rows=ROWS[:1], version="9").prompt_hash == plain
    assert task(tmp_path, messages='[{role: user, content: "{{ input }}!"}]').prompt_hash != plain
    assert task(tmp_path, few_shot="{n: 1}").prompt_hash != plain
    assert (
        task(tmp_path, few_shot="{n: 2}").prompt_hash
        != task(tmp_path, few_shot="{n: 1}").prompt_hash
    )


@pytest.mark.parametrize(
    ("target", "parse", "completion"),
    [
        ("a", "text", "a"),
        (["a", "b"], "text", "a"),
        (4, "text", "4"),
        ({"a": [1]}, "json", '{"a":[1]}'),
    ],
)
def test_the_perfect_reply_is_the_target_as_text(
    target: Any, parse: str, completion: str, tmp_path: Path
) -> None:
    made = task(
        tmp_path,
        rows=[{"input": "x", "target": target}],
        without=("target",),
        target_field="target",
        parse=parse,
    )
    assert made.completion(next(made.samples())) == completion


@pytest.mark.parametrize("target", [None, []])
def test_without_a_target_there_is_no_perfect_reply(target: Any, tmp_path: Path) -> None:
    rows = [{"input": "x", "target": target}]
    made = task(tmp_path, rows=rows, without=("target",), target_field="target")
    with pytest.raises(DatasetError, match="sample '1' has no target"):
        made.completion(next(made.samples()))
