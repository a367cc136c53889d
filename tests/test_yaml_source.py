"""YAML files to dataclasses: what fits, and what the message says of what does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from llm_eval.errors import ConfigError
from llm_eval.yaml_source import decode, load_yaml, parse_yaml


@dataclass(frozen=True, slots=True)
class Limit:
    low: float
    high: Annotated[int, msgspec.Meta(ge=1)] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    name: str
    kind: Literal["rate", "mean"] = "mean"
    tags: tuple[str, ...] = ()
    pair: tuple[str, int] | None = None
    limit: Limit | None = None
    limits: Mapping[str, Limit] = field(default_factory=dict)
    several: list[Limit] = field(default_factory=list)
    size: int | float | str | None = None
    rest: Sequence[Any] = ()
    args: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name == "bad":
            raise ValueError("name may not be 'bad'")


def thing(text: str) -> Thing:
    return decode(parse_yaml(text, "t.yaml"), Thing, what="thing")


def test_every_kind_of_field_is_decoded() -> None:
    found = thing("""
name: x
kind: rate
tags: [a, b]
pair: [a, 1]
limit: {low: 1}
limits: {one: {low: 0.5, high: 2}}
several: [{low: 2}]
size: 3
rest: [exact_match, {name: contains}]
args: {deep: {list: [1, null]}}
""")
    assert found == Thing(
        name="x",
        kind="rate",
        tags=("a", "b"),
        pair=("a", 1),
        limit=Limit(1.0),
        limits={"one": Limit(0.5, 2)},
        several=[Limit(2.0)],
        size=3,
        rest=("exact_match", {"name": "contains"}),
        args={"deep": {"list": [1, None]}},
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nmae: x", "t.yaml:1: thing: unknown key 'nmae'; did you mean 'name'?"),
        ("kind: rate", "t.yaml:1: thing: the key 'name' is missing"),
        ("name: x\nkind: rat", "t.yaml:2: thing, kind: unknown value 'rat'; did you mean 'rate'?"),
        ("name: x\nkind: 1", "t.yaml:2: thing, kind: expected 'rate' or 'mean', got 1"),
        ("name: 5", "t.yaml:1: thing, name: expected str, got 5"),
        ("name:", "t.yaml:1: thing, name: expected str, got nothing"),
        ("name: x\ntags: a", "t.yaml:2: thing, tags: expected a list, got 'a'"),
        ("name: x\ntags:\n  - a\n  - 1", "t.yaml:4: thing, tags[1]: expected str, got 1"),
        ("name: x\npair: [a]", "t.yaml:2: thing, pair: expected 2 items, got 1"),
        ("name: x\nlimit: 3", "t.yaml:2: thing, limit: expected a mapping, got 3"),
        ("name: x\nlimit: {}", "t.yaml:2: thing, limit: the key 'low' is missing"),
        (
            "name: x\nlimit:\n  low: 1\n  hihg: 2",
            "t.yaml:4: thing, limit: unknown key 'hihg'; did you mean 'high'?",
        ),
        (
            "name: x\nseveral:\n  - low: 1\n    hihg: 2",
            "t.yaml:4: thing, several[0]: unknown key 'hihg'; did you mean 'high'?",
        ),
        (
            "name: x\nlimits:\n  a: {low: 1, high: 0}",
            "t.yaml:3: thing, limits.a.high: expected int >= 1, got 0",
        ),
        ("name: x\nlimit: {low: true}", "t.yaml:2: thing, limit.low: expected float, got True"),
        ("name: x\nsize: []", "t.yaml:2: thing, size: expected int or float or str, got a list"),
        ("name: x\nargs: [1]", "t.yaml:2: thing, args: expected a mapping, got a list"),
        ("name: bad", "t.yaml:1: thing: name may not be 'bad'"),
        ("- 1", "t.yaml:1: thing: expected a mapping, got a list"),
        ("", "t.yaml:1: thing: expected a mapping, got nothing"),
    ],
)
def test_what_does_not_fit_says_where_what_and_the_nearest_name(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        thing(text)
    assert str(caught.value) == message


def test_a_part_of_the_file_is_decoded_by_its_path() -> None:
    source = parse_yaml("rules:\n  - low: 1\n  - lwo: 2\n", "t.yaml")
    assert decode(source, Limit, "rules", 0) == Limit(1.0)
    with pytest.raises(ConfigError, match=r"^t\.yaml:3: rule 2: unknown key 'lwo'"):
        decode(source, Limit, "rules", 1, what="rule 2")


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(ConfigError) as caught:
        thing(f"name: x\nlimit: {'y' * 5000}")
    assert len(str(caught.value)) < 200


def test_an_error_points_at_the_nearest_value_that_has_a_line() -> None:
    source = parse_yaml("a: &x {k: 1}\nb: *x\n", "t.yaml")
    assert str(source.error("no", "b", "k")) == "t.yaml:2: no"


def test_a_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("{}")
    with pytest.raises(
        ConfigError, match=r"modles.yaml: no such file; did you mean .*models\.yaml"
    ):
        load_yaml(tmp_path / "modles.yaml")


def test_bytes_that_are_no_utf_8_are_named_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"m\.yaml:2: byte 0xff is not UTF-8"):
        load_yaml(file)


def test_a_directory_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_yaml(tmp_path)
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"#" * (5 << 20))
    with pytest.raises(ConfigError, match="larger than"):
        load_yaml(huge)
