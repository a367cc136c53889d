"""Labels: blind, by several raters, from terminal and file, none lost and none doubled."""

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from llm_eval.errors import ConfigError, DatasetError
from llm_eval.evaluation import evaluate
from llm_eval.execution import Evaluation
from llm_eval.metrics.labels import Calibration, Label, item_of
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.rescore import Rescoring, rescore
from llm_eval.review.calibrated import require_calibrated
from llm_eval.review.calibration import calibrate, judged_replies, pair_up
from llm_eval.review.items import Item, by_name, items_of, rubric_of, shuffled
from llm_eval.review.label_file import read_labels, write_labels
from llm_eval.review.labelled_run import judge_replies, read_replies
from llm_eval.review.next_labels import next_replies
from llm_eval.review.session import LabelSession
from llm_eval.scorers.judge_report import rank_correlation
from llm_eval.scorers.rubric import load_rubric
from llm_eval.tasks.build import build_task
from llm_eval.testing import StubServer, stub_judge
from llm_eval.testing.stub_replies import hashed

QA = load_rubric("qa_correctness")
SHIPPED = Path(__file__).parents[2] / "data/labels/qa_smollm2-135m.jsonl"
NOW = "2025-01-01T00:00:00+00:00"
N = 40


def answer(prompt: str) -> str:
    if stub_judge.is_judge_prompt(prompt):
        return stub_judge.verdict(prompt, 0.2)
    return f"{hashed(prompt)}{' word' * (len(prompt) % 9)}\x1b[31m"


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with StubServer(answer).in_thread() as server:
        yield server


@pytest.fixture
def run(storage: MetricsStorage, stub: StubServer) -> Evaluation:
    """A judged run of 40 replies."""
    return evaluate(
        "qa",
        f"openai/secret-model@{stub.url}",
        judge_model=f"openai/judge@{stub.url}",
        limit=N,
        db=storage,
    )


def items(storage: MetricsStorage, run: Evaluation) -> list[Item]:
    return items_of(storage, storage.get_run(run.run_id), QA)


def label(item: Item, rater: str = "ann", level: int = 2, drawn: str = "random") -> Label:
    levels = dict.fromkeys((d.name for d in QA.dimensions), level)
    return Label(item.item, QA.scale, rater, item.sample_key, NOW, levels, drawn)


class Script:
    """A terminal that a script types into."""

    def __init__(self, keys: str, *lines: str) -> None:
        self._keys, self._lines = iter(keys), iter(lines)
        self.shown: list[str] = []

    def key(self) -> str:
        return next(self._keys, "")

    def line(self, prompt: str) -> str:
        return next(self._lines)

    def show(self, text: str) -> None:
        self.shown.append(text)


def session(storage: MetricsStorage, todo: list[Item], script: Script) -> int:
    clock = (f"2025-01-01T00:00:{n % 60:02d}+00:00" for n in itertools.count())
    made = LabelSession(todo, QA, storage.labels, script, rater="ann", now=lambda: next(clock))
    return made.run()


def test_labels_are_stored_one_by_one_and_the_next_session_goes_on(
    storage: MetricsStorage, run: Evaluation
) -> None:
    todo = shuffled(items(storage, run), 0)
    assert session(storage, todo, Script("2220002q")) == 2
    stored = storage.labels.given(QA.scale, "ann")
    assert {x.item for x in stored} == {todo[0].item, todo[1].item}
    left = [item for item in todo if item.item not in {x.item for x in stored}]
    assert session(storage, left, Script("111")) == 1


def test_back_takes_the_last_label_away(storage: MetricsStorage, run: Evaluation) -> None:
    todo = items(storage, run)
    assert session(storage, todo, Script("222b000q")) == 1
    (only,) = storage.labels.given(QA.scale)
    assert only.levels["correctness"] == 0


def test_skip_note_and_correction(storage: MetricsStorage, run: Evaluation) -> None:
    todo = items(storage, run)
    session(storage, todo, Script("sncx9222q", "unclear", "Lyon"))
    (only,) = storage.labels.given(QA.scale)
    assert (only.item, only.note, only.correction) == (todo[1].item, "unclear", "Lyon")


def test_neither_model_nor_verdict_is_shown(storage: MetricsStorage, run: Evaluation) -> None:
    script = Script("222" * N)
    session(storage, items(storage, run), script)
    text = "\n".join(script.shown)
    assert "secret-model" not in text
    assert "compared word by word" not in text


def test_the_order_is_random_and_the_same_every_time(
    storage: MetricsStorage, run: Evaluation
) -> None:
    found = items(storage, run)
    assert shuffled(found, 0) == shuffled(found, 0) != found
    assert shuffled(found, 1) != shuffled(found, 0)


def test_a_scripted_rater_labels_over_400_an_hour(storage: MetricsStorage, run: Evaluation) -> None:
    started = time.perf_counter()
    stored = session(storage, items(storage, run), Script("012" * N))
    assert stored == N
    assert 3600 * stored / (time.perf_counter() - started) >= 400


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_file_comes_back_as_it_was_filled_in(
    storage: MetricsStorage, run: Evaluation, tmp_path: Path, kind: str
) -> None:
    found = items(storage, run)
    known = {item.item: label(item) for item in found[:3]}
    path = tmp_path / f"labels.{kind}"
    path.write_text(write_labels(found, known, QA, kind))
    read = read_labels(path, by_name(found), QA, rater="ann", now=NOW)
    assert [(x.item, x.levels) for x in read] == [(x.item, x.levels) for x in known.values()]
    assert storage.labels.put(read) == 3
    assert storage.labels.put(read) == 0


def _row(of: Item, **changes: object) -> str:
    row = {"item": of.item, "correctness": "right", "completeness": "2", "format": "clean"}
    return json.dumps(row | changes) + "\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"item": "f" * 64, "sample": "qa-x"}, r"labels.jsonl:2: no reply in the run .* \(qa-x\)"),
        ({"correctness": "great"}, r"labels.jsonl:2: correctness: 'great' is no level; one of 0"),
        ({"correctness": "3"}, "'3' is no level"),
        ({"format": ""}, "format: has no level, the others have"),
    ],
)
def test_a_wrong_row_is_told_and_nothing_is_stored(
    storage: MetricsStorage,
    run: Evaluation,
    tmp_path: Path,
    changes: dict[str, object],
    message: str,
) -> None:
    found = items(storage, run)
    path = tmp_path / "labels.jsonl"
    path.write_text(_row(found[0]) + _row(found[1], **changes))
    with pytest.raises(ConfigError, match=message):
        read_labels(path, by_name(found), QA, rater="ann", now=NOW)
    assert storage.labels.given(QA.scale) == []


def test_nobodys_labels_are_refused(
    storage: MetricsStorage, run: Evaluation, tmp_path: Path
) -> None:
    found = items(storage, run)
    path = tmp_path / "labels.jsonl"
    path.write_text(_row(found[0]))
    with pytest.raises(ConfigError, match="whose label is it"):
        read_labels(path, by_name(found), QA, rater=None, now=NOW)


def test_two_labels_by_one_rater_conflict_and_nothing_is_lost(
    storage: MetricsStorage, run: Evaluation
) -> None:
    first, second = items(storage, run)[:2]
    storage.labels.put([label(first)])
    with pytest.raises(ConfigError, match=r"has labelled item .* otherwise"):
        storage.labels.put([label(second), label(first, level=0)])
    assert [x.item for x in storage.labels.given(QA.scale)] == [first.item]
    assert storage.labels.put([label(first, level=0)], replace=True) == 1
    with pytest.raises(ConfigError, match="two labels by rater 'ann'"):
        storage.labels.put([label(second), label(second, level=0)])


def test_several_raters_are_kept_and_compared(storage: MetricsStorage, run: Evaluation) -> None:
    found = items(storage, run)
    storage.labels.put([label(item, "ann", n % 3) for n, item in enumerate(found)])
    storage.labels.put([label(item, "bob", n % 3) for n, item in enumerate(found[:20])])
    info = storage.get_run(run.run_id)
    report = calibrate(storage, info, QA, rng=np.random.default_rng(0))
    assert report["raters"] == ["ann", "bob"]
    assert report["people"]["n_items"] == 20
    assert report["people"]["alpha"]["correctness"]["value"] == pytest.approx(1.0)


def test_the_report_compares_level_by_level(storage: MetricsStorage, run: Evaluation) -> None:
    info = storage.get_run(run.run_id)
    judged = judged_replies(storage, info, QA)
    found = by_name(items(storage, run))
    storage.labels.put([label(found[j.item], level=2 if j.passed else 0) for j in judged[:30]])
    report = calibrate(storage, info, QA, rng=np.random.default_rng(0))
    assert report["n_labelled"] == 30
    assert report["pass"]["agreement"] == 1.0
    assert report["pass"]["kappa"]["value"] == pytest.approx(1.0)
    assert report["pass"]["confusion"]["only_judge"] == 0
    assert np.sum(report["dimensions"]["format"]["confusion"]) == 30
    corrected = report["corrected"]["pass"]  # what is never wrong is corrected by next to nothing
    assert corrected["value"] == pytest.approx(corrected["raw"], abs=0.01)


def test_misses_and_false_passes_are_told_apart(storage: MetricsStorage, run: Evaluation) -> None:
    info = storage.get_run(run.run_id)
    judged = judged_replies(storage, info, QA)
    found = by_name(items(storage, run))
    passed = [found[j.item] for j in judged if j.passed][:4]
    failed = [found[j.item] for j in judged if not j.passed][:10]
    wrong = [label(item, level=0) for item in passed[:3]]  # of four passes people share one
    missed = [label(item, level=2) for item in failed[:2]]  # of ten fails people pass two
    right = [label(passed[3], level=2), *(label(item, level=0) for item in failed[2:])]
    storage.labels.put([*wrong, *missed, *right])
    report = calibrate(storage, info, QA, rng=np.random.default_rng(0))
    counts = {"both": 1, "only_people": 2, "only_judge": 3, "neither": 8}
    assert report["pass"]["confusion"] == counts
    assert report["pass"]["sensitivity"]["value"] == pytest.approx(1 / 3)
    assert report["pass"]["specificity"]["value"] == pytest.approx(8 / 11)
    assert report["corrected"]["pass_rogan_gladen"] is not None
    assert any("do not gate on it" in warning for warning in report["warnings"])


def test_of_two_readers_the_stricter_counts_and_one_can_be_taken_alone(
    storage: MetricsStorage, run: Evaluation
) -> None:
    info = storage.get_run(run.run_id)
    for rater, level in (("ann", 2), ("bob", 0)):
        storage.labels.put([label(item, rater, level) for item in items(storage, run)])
    rng = np.random.default_rng(0)
    both = calibrate(storage, info, QA, rng=rng)["pass"]["confusion"]
    assert both["both"] == both["only_people"] == 0
    ann = calibrate(storage, info, QA, rng=rng, rater="ann")
    assert ann["raters"] == ["ann"]
    assert ann["pass"]["confusion"]["neither"] == ann["pass"]["confusion"]["only_judge"] == 0
    people = calibrate(storage, info, QA, rng=rng)["people"]
    assert people["alike"]["pass"] == 0
    assert people["alpha"]["pass"]["value"] < 0


def test_an_error_that_goes_with_length_is_told(storage: MetricsStorage, run: Evaluation) -> None:
    info = storage.get_run(run.run_id)
    storage.labels.put([label(item) for item in items(storage, run)])
    judged = judged_replies(storage, info, QA)
    report = calibrate(storage, info, QA, rng=np.random.default_rng(0))
    # People call all replies right, so the judge's error is its score less one.
    expected = rank_correlation([j.length for j in judged], [j.score for j in judged])
    assert report["length"]["error"] == report["length"]["score"] == expected is not None


def test_labels_hold_for_the_same_reply_under_another_judge(
    storage: MetricsStorage, run: Evaluation, stub: StubServer
) -> None:
    storage.labels.put([label(item) for item in items(storage, run)])
    other = f"openai/other@{stub.url}"
    child = rescore(Rescoring(run=run.run_id, judge_model=other), storage)
    report = calibrate(storage, storage.get_run(child.run_id), QA, rng=np.random.default_rng(0))
    assert report["n_labelled"] == N


def test_a_calibration_is_stale_when_the_judge_changes(
    storage: MetricsStorage, run: Evaluation, stub: StubServer
) -> None:
    info = storage.get_run(run.run_id)
    with pytest.raises(ConfigError, match="its judge is not calibrated"):
        require_calibrated(storage, info)
    storage.labels.put([label(item, level=n % 3) for n, item in enumerate(items(storage, run))])
    report = calibrate(storage, info, QA, rng=np.random.default_rng(0))
    storage.labels.put_calibration(Calibration(report["judge"], NOW, info.run_id, report))
    assert [found.run_id for found in require_calibrated(storage, info)] == [info.run_id]
    with pytest.raises(ConfigError, match="calibrated on 40 labels by ann, 100 are asked"):
        require_calibrated(storage, info, min_labels=100)
    with pytest.raises(ConfigError, match="kappa with ann is"):
        require_calibrated(storage, info, min_kappa=0.99)
    child = rescore(Rescoring(run=run.run_id, judge_model=f"openai/other@{stub.url}"), storage)
    with pytest.raises(ConfigError, match="model, prompt, rubric or schema changed"):
        require_calibrated(storage, storage.get_run(child.run_id))


def test_few_labels_and_no_judge_are_said(
    storage: MetricsStorage, run: Evaluation, stub: StubServer
) -> None:
    info = storage.get_run(run.run_id)
    with pytest.raises(ConfigError, match="0 of 40 judged replies have a label"):
        calibrate(storage, info, QA, rng=np.random.default_rng(0))
    storage.labels.put([label(item) for item in items(storage, run)[:5]])
    report = calibrate(storage, info, QA, rng=np.random.default_rng(0))
    assert any("5 labels are few" in warning for warning in report["warnings"])
    bare = evaluate("qa", f"openai/m@{stub.url}", limit=2, db=storage)
    with pytest.raises(ConfigError, match="has no judge: llm-eval rescore"):
        calibrate(storage, storage.get_run(bare.run_id), QA, rng=np.random.default_rng(0))


def test_the_next_labels_are_new_and_go_where_the_doubt_is(
    storage: MetricsStorage, run: Evaluation
) -> None:
    info = storage.get_run(run.run_id)
    judged = judged_replies(storage, info, QA)
    found = by_name(items(storage, run))
    storage.labels.put([label(found[j.item], level=2 if j.passed else 0) for j in judged[:6]])
    pairs = pair_up(judged, storage.labels.given(QA.scale), QA)
    chosen = next_replies(judged, pairs, 10)
    assert len({reply.item for reply in chosen}) == 10
    assert not {reply.item for reply in chosen} & {pair.judged.item for pair in pairs}
    assert {reply.passed for reply in chosen} == {True, False}
    assert next_replies(judged, pairs, 1000, seed=1) != []


def test_labels_drawn_by_the_verdict_are_not_taken_for_a_random_draw(
    storage: MetricsStorage, run: Evaluation
) -> None:
    found = by_name(items(storage, run))
    judged = judged_replies(storage, storage.get_run(run.run_id), QA)
    drawn = [label(found[j.item], level=n % 3, drawn="next") for n, j in enumerate(judged[:30])]
    storage.labels.put(drawn)
    report = calibrate(storage, storage.get_run(run.run_id), QA, rng=np.random.default_rng(0))
    assert report["n_drawn_by_verdict"] == 30
    assert report["corrected"]["score"]["method"] == "PPI++ by verdict"
    assert report["corrected"]["pass_rogan_gladen"] is None
    assert any("drawn by the judge's verdict" in warning for warning in report["warnings"])


def test_a_run_judged_on_other_levels_is_refused(storage: MetricsStorage, run: Evaluation) -> None:
    with pytest.raises(ConfigError, match="was judged by another 'qa_correctness'"):
        rubric_of(storage.get_run(run.run_id), "json_extraction")


def test_the_shipped_labels_fit_samples_rubric_and_rules() -> None:
    found = read_replies(SHIPPED)
    assert found.rubric.scale == QA.scale
    assert len(found.replies) == 120
    assert len(found.labels) >= 60
    assert {x.drawn for x in found.labels} == {"random"}
    raters = Counter(x.item for x in found.labels)
    assert len(raters) == 90
    assert sum(n == 2 for n in raters.values()) >= 30
    assert {x.rater for x in found.labels} == {"guideline-reader", "second-guideline-reader"}


def test_any_judge_is_calibrated_on_the_shipped_labels(
    storage: MetricsStorage, stub: StubServer
) -> None:
    run = judge_replies(read_replies(SHIPPED), f"openai/judge@{stub.url}", storage)
    report = calibrate(storage, storage.get_run(run.run_id), QA, rng=np.random.default_rng(0))
    assert report["n_labelled"] >= 60
    assert report["n_judged"] == 120
    low, high = report["corrected"]["pass"]["ci95"]
    assert low < 14 / 120 < high  # all 120 were graded; 14 pass
    people = report["people"]
    assert people["n_items"] >= 30
    assert 0.6 < people["alpha"]["correctness"]["value"] < 1
    assert people["alike"]["pass"] < 1  # two that read for themselves differ somewhere


def test_a_shipped_reply_that_was_changed_is_refused(tmp_path: Path) -> None:
    first = json.loads(SHIPPED.read_text().splitlines()[0])
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps(first | {"reply": "another"}) + "\n")
    with pytest.raises(DatasetError, match="is not what was labelled"):
        read_replies(path)


def test_a_file_of_blank_lines_holds_no_replies(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("\n \n")
    with pytest.raises(DatasetError, match=r"labels\.jsonl holds no replies"):
        read_replies(path)


def test_a_second_reply_to_a_sample_is_refused_and_not_put_in_the_firsts_place(
    tmp_path: Path,
) -> None:
    first = json.loads(SHIPPED.read_text().splitlines()[0])
    key = next(s.key for s in build_task("qa").samples("test") if s.id == first["sample"])
    other = first | {"reply": "another", "item": item_of(key, "another")}
    path = tmp_path / "labels.jsonl"
    path.write_text(f"{json.dumps(first)}\n{json.dumps(other)}\n")
    with pytest.raises(DatasetError, match=r"labels\.jsonl:2: a second reply to sample 'qa-"):
        read_replies(path)


def test_an_item_is_its_sample_and_its_text() -> None:
    assert item_of("k", "a") != item_of("k", "b") != item_of("l", "b")
