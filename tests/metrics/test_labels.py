"""Labels and calibrations on both databases."""

import pytest

from llm_eval.errors import ConfigError
from llm_eval.metrics.labels import Calibration, Label, item_of
from llm_eval.metrics.storage import MetricsStorage

NOW = "2025-01-01T00:00:00+00:00"


def label(reply: str, level: int = 1, rater: str = "ann", note: str = "") -> Label:
    return Label(item_of("k", reply), "scale", rater, "k", NOW, {"d": level}, note=note)


def test_labels_come_back_as_they_were(storage: MetricsStorage) -> None:
    odd = label("a", rater="a\0\ud800", note="=1+1\n\x1b")
    assert storage.labels.put([odd, label("b")]) == 2
    assert set(map(repr, storage.labels.given("scale"))) == {repr(odd), repr(label("b"))}
    assert storage.labels.given("scale", "a\0\ud800") == [odd]
    assert storage.labels.given("another scale") == []


def test_all_or_none_are_stored(storage: MetricsStorage) -> None:
    storage.labels.put([label("a")])
    with pytest.raises(ConfigError, match="nothing was stored"):
        storage.labels.put([label("b"), label("a", 0)])
    assert len(storage.labels.given("scale")) == 1
    assert storage.labels.put([label("b"), label("a", 0)], replace=True) == 2
    assert {x.levels["d"] for x in storage.labels.given("scale")} == {0, 1}


def test_the_same_label_twice_is_one(storage: MetricsStorage) -> None:
    assert storage.labels.put([label("a"), label("a")]) == 1
    assert storage.labels.put([label("a")]) == 0


def test_a_label_can_be_taken_back(storage: MetricsStorage) -> None:
    storage.labels.put([label("a")])
    storage.labels.remove(label("a"))
    assert storage.labels.given("scale") == []


def test_of_a_judge_the_last_calibration_by_the_same_raters_stands(
    storage: MetricsStorage,
) -> None:
    both = ["ann", "b\0\ud800"]
    given = [("run_1", both[:1]), ("run_2", both[1:]), ("run_3", both), ("run_4", both[::-1])]
    for run_id, raters in given:
        storage.labels.put_calibration(Calibration("j", NOW, run_id, {"raters": raters}))
    found = {one.raters: one.run_id for one in storage.labels.calibrations("j")}
    assert found == {
        ("ann",): "run_1",
        ("b\0\ud800",): "run_2",
        ("ann", "b\0\ud800"): "run_4",
    }
    assert storage.labels.calibrations("k") == []
