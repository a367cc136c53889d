"""Names resolve to objects, lazily; a wrong one is answered with the nearest right one."""

import importlib
from importlib.metadata import EntryPoint

import pytest

from llm_eval import registry
from llm_eval.errors import ConfigError


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k, table in registry.BUILT_IN.items() for n in table]
)
def test_every_built_in_name_leads_somewhere(kind: registry.Kind, name: str) -> None:
    module, _, attribute = registry.BUILT_IN[kind][name].partition(":")
    assert hasattr(importlib.import_module(module), attribute)


def test_a_typo_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(
        ConfigError, match="unknown scorer 'exact_mach'; did you mean 'exact_match'"
    ):
        registry.resolve("scorers", "exact_mach")


def test_of_many_names_the_first_are_told_and_how_many_more_there_are() -> None:
    said = registry.unknown("slice", "zzz", (f"topic={n:03}" for n in range(500)))
    assert said.startswith("unknown slice 'zzz'; known: topic=000, topic=001, ")
    assert said.endswith("topic=019, … and 480 more")


def test_a_far_off_name_is_answered_with_all_of_them() -> None:
    with pytest.raises(ConfigError, match=r"unknown task 'zzz'; known: json, qa"):
        registry.resolve("tasks", "zzz")


@pytest.mark.parametrize("target", ["no_such_package.scorers:Mine", "json:no_such_attribute"])
def test_an_installed_package_that_is_broken_is_one_line(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = EntryPoint("mine", target, "llm_eval.scorers")
    monkeypatch.setattr(registry, "entry_points", lambda **_: [broken])
    with pytest.raises(ConfigError, match=r"scorer 'mine' cannot be loaded: .*no_such"):
        registry.resolve("scorers", "mine")
