"""Baselines: promoted by someone, kept with their history, carried by one file."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llm_eval.ci.baseline_file import (
    FiledBaseline,
    find_baseline,
    from_database,
    read_baselines,
    write_baselines,
)
from llm_eval.errors import ConfigError
from llm_eval.fingerprint import digest
from llm_eval.metrics.storage import MetricsStorage
from tests.ci.conftest import Questions, Runs, gate, response, wrong_below

NO_DROP = "gates: [{id: drop, metric: exact_match, kind: non_inferiority, margin: 0.05}]"


def test_a_name_stands_for_the_run_promoted_last(runs: Runs) -> None:
    first, second = runs.make().info, runs.make().info
    baselines = runs.storage.baselines
    baselines.promote("main", first.run_id, by="one")
    assert runs.storage.get_run("main").run_id == first.run_id
    baselines.promote("main", second.run_id, by="two", note="better")
    assert runs.storage.get_run("main").run_id == second.run_id
    history = [(p.run_id, p.promoted_by, p.note) for p in baselines.history("main")]
    assert history == [(second.run_id, "two", "better"), (first.run_id, "one", "")]
    assert [p.run_id for p in baselines.current()] == [second.run_id]


def test_promoting_the_same_run_again_is_recorded(runs: Runs) -> None:
    first, second = runs.make().info, runs.make().info
    for info in (first, second, first):
        runs.storage.baselines.promote("main", info.run_id, by="someone", note=info.run_id[-6:])
    assert runs.storage.get_run("main").run_id == first.run_id


@pytest.mark.parametrize("name", ["latest", "run_x", "a=b", "", "x.json", "a b", "-x", "\x1b[1m"])
def test_a_name_that_means_something_else_is_refused(name: str, runs: Runs) -> None:
    with pytest.raises(ConfigError, match="cannot be called"):
        runs.storage.baselines.promote(name, "run_y", by="someone")


def test_an_unknown_run_cannot_be_promoted(storage: MetricsStorage) -> None:
    with pytest.raises(ConfigError, match="no run 'run_y'"):
        storage.baselines.promote("main", "run_y", by="someone")


def test_a_baseline_cannot_be_deleted(runs: Runs) -> None:
    info = runs.make().info
    runs.storage.baselines.promote("main", info.run_id, by="someone")
    with pytest.raises(ConfigError, match="is the baseline 'main'"):
        runs.storage.delete_run(info.run_id)
    assert runs.storage.baselines.forget("main") == 1
    runs.storage.delete_run(info.run_id)


def filed(runs: Runs, name: str = "main", **options: object) -> FiledBaseline:
    """A run with every oddity that a file must carry, promoted."""

    def reply(number: int, epoch: int) -> object:
        fields = {"latency_s": 0.1 + number / 7, "cached": number % 5 == 0}
        return response("wrong" if number < 9 else str(number), **fields)

    run = runs.make(reply, epochs=2, tags={"branch": "main"}, **options)  # type: ignore[arg-type]
    return from_database(
        runs.storage, runs.storage.baselines.promote(name, run.info.run_id, by="someone")
    )


def test_a_file_carries_all_that_a_gate_needs(runs: Runs, tmp_path: Path) -> None:
    written = filed(runs)
    write_baselines(tmp_path / "b.json", [written])
    (read,) = read_baselines(tmp_path / "b.json")
    assert read.promotion == written.promotion
    before, after = written.evidence, read.evidence
    assert after.info.recipe == before.info.recipe
    np.testing.assert_array_equal(after.table.values, before.table.values)
    np.testing.assert_array_equal(after.outcomes.latency_s, before.outcomes.latency_s)
    assert list(after.table.keys) == list(before.table.keys)
    assert list(after.table.labels) == list(before.table.labels)
    assert list(after.outcomes.ids) == list(before.outcomes.ids)
    current = runs.make(wrong_below(60), epochs=2)
    reports = [gate(NO_DROP, current, baseline).to_dict() for baseline in (before, after)]
    assert reports[0] == reports[1]


def test_the_file_holds_no_text_of_prompts_or_replies(runs: Runs, tmp_path: Path) -> None:
    run = runs.make(lambda n, _: "a secret reply")
    promotion = runs.storage.baselines.promote("main", run.info.run_id, by="someone")
    write_baselines(tmp_path / "b.json", [from_database(runs.storage, promotion)])
    assert "secret" not in (tmp_path / "b.json").read_text()


def test_a_file_has_one_result_a_line(runs: Runs, tmp_path: Path) -> None:
    write_baselines(tmp_path / "b.json", [filed(runs)])
    lines = (tmp_path / "b.json").read_text().splitlines()
    assert sum(line.startswith("[") and '"q-' in line for line in lines) == 480


def test_import_and_export_give_the_same_bytes(runs: Runs, tmp_path: Path) -> None:
    write_baselines(tmp_path / "a.json", [filed(runs)])
    with MetricsStorage(f"sqlite:///{tmp_path}/other.db") as other:
        for _ in range(2):  # a second import changes nothing
            for baseline in read_baselines(tmp_path / "a.json"):
                evidence = baseline.evidence
                other.baselines.import_run(evidence.info, evidence.table, evidence.outcomes)
                other.baselines.record(baseline.promotion)
        assert len(other.baselines.history("main")) == 1
        assert other.get_run("main").tags == {"branch": "main"}
        write_baselines(tmp_path / "b.json", [from_database(other, other.baselines.current()[0])])
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_another_run_of_the_same_id_is_not_overwritten(runs: Runs, tmp_path: Path) -> None:
    one, two = filed(runs).evidence, runs.make(task=Questions(n=10))
    info = two.info
    with MetricsStorage(f"sqlite:///{tmp_path}/other.db") as other:
        other.baselines.import_run(info, two.table, two.outcomes)
        with pytest.raises(ConfigError, match="another run is stored"):
            other.baselines.import_run(
                replace(one.info, run_id=info.run_id), one.table, one.outcomes
            )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text.replace("[1.0, 1.0, 0.0]", "[0.0, 1.0, 0.0]", 1), "changed by hand"),
        (lambda text: text[:-40], "is no JSON"),
        (lambda text: "[]", "no file of baselines"),
        (lambda text: text.replace('"version": 1', '"version": 9', 1), "version 9"),
        (lambda text: '{"format": "llm-eval baselines", "version": 1}', "holds no baselines"),
    ],
)
def test_a_damaged_file_is_refused(damage: object, words: str, runs: Runs, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    write_baselines(path, [filed(runs)])
    assert callable(damage)
    path.write_text(damage(path.read_text()))
    with pytest.raises(ConfigError, match=words):
        read_baselines(path)


def test_a_file_with_a_right_sum_and_wrong_content_is_refused(tmp_path: Path) -> None:
    entries: list[dict[str, object]] = [{"columns": [], "results": [], "run": {}, "promotion": {}}]
    document = {"format": "llm-eval baselines", "version": 1, "baselines": entries}
    (tmp_path / "b.json").write_text(json.dumps({**document, "sha256": digest(entries)}))
    with pytest.raises(ConfigError, match="no baseline can be read"):
        read_baselines(tmp_path / "b.json")


def test_the_baseline_of_the_task_is_found_without_its_name(runs: Runs, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    one = filed(runs, "one")
    other = filed(runs, "two", task=Questions(name="others"))
    write_baselines(path, [one, other])
    assert find_baseline(path, None, "others").promotion.name == "two"
    assert find_baseline(path, "one", "others").promotion.name == "one"
    with pytest.raises(ConfigError, match="no baseline 'three'"):
        find_baseline(path, "three", "others")
    with pytest.raises(ConfigError, match="no baseline of the task 'qa'"):
        find_baseline(path, None, "qa")
    write_baselines(path, [one, filed(runs, "again")])
    with pytest.raises(ConfigError, match="2 baselines of the task 'questions'"):
        find_baseline(path, None, "questions")
