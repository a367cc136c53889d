import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from llm_eval.datasets.generate import qa
from llm_eval.datasets.generate.questions.arithmetic import fewest_coins, next_term
from llm_eval.datasets.generate.questions.dates import clock_names, date_names
from llm_eval.datasets.generate.questions.facts import load
from llm_eval.datasets.generate.questions.item import decimal, number
from llm_eval.datasets.generate.questions.puzzles import Clue, knaves, solutions, walk
from llm_eval.errors import DatasetError
from llm_eval.scorers.normalise import squad

DATA = Path(__file__).resolve().parents[2] / "data"
COMMITTED = DATA / "tasks" / "qa"
Splits = Mapping[str, list[qa.Drawn]]


@pytest.fixture(scope="module")
def splits() -> Splits:
    return qa.deal(load(DATA / "facts"))


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    return {
        split: [
            json.loads(line)
            for line in (COMMITTED / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        for split in qa.SPLITS
    }


def test_the_committed_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    qa.write(DATA / "facts", tmp_path)
    sums = (COMMITTED / "SHA256SUMS").read_text(encoding="utf-8")
    assert (tmp_path / "SHA256SUMS").read_text(encoding="utf-8") == sums
    for line in sums.splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((COMMITTED / name).read_bytes()).hexdigest() == digest


def test_slices_have_their_counts(rows: dict[str, list[dict[str, Any]]]) -> None:
    counts = {split: Counter(row["slice"] for row in rows[split]) for split in rows}
    assert counts == qa.COUNTS
    assert sum(map(len, rows.values())) == 2150


def test_a_fifth_of_test_and_val_is_of_kinds_that_train_never_has(splits: Splits) -> None:
    trained = {(drawn.slice, drawn.kind) for drawn in splits["train"]}
    for split in ("val", "test"):
        new = [(drawn.slice, drawn.kind) not in trained for drawn in splits[split]]
        flags = [row["held_out"] for row in qa.rows(splits)[split]]
        assert flags == new
        assert sum(new) >= len(new) / 5


def test_no_question_and_no_pair_of_kind_and_subject_occurs_twice(splits: Splits) -> None:
    every = list(chain.from_iterable(splits.values()))
    assert max(Counter(squad(drawn.item.question) for drawn in every).values()) == 1
    assert max(Counter((drawn.kind, drawn.item.key) for drawn in every).values()) == 1


def test_train_states_no_fact_that_test_or_val_ask_for(splits: Splits) -> None:
    asked = {
        line
        for drawn in (*splits["test"], *splits["val"])
        if drawn.slice == "factual"
        for line in drawn.item.evidence
    }
    told = {line for d in splits["train"] for line in (*d.item.evidence, *d.item.context)}
    assert not asked & told


def test_less_than_half_of_the_word_8_grams_of_a_row_occur_in_train(splits: Splits) -> None:
    train = set(chain.from_iterable(qa.grams(drawn.item) for drawn in splits["train"]))
    for drawn in (*splits["test"], *splits["val"]):
        found = qa.grams(drawn.item)
        assert len(found & train) < len(found) / 2, drawn.item.question


def test_the_first_answer_stands_in_the_evidence(rows: dict[str, list[dict[str, Any]]]) -> None:
    for row in chain.from_iterable(rows.values()):
        assert any(row["answers"][0] in line for line in row["evidence"]), row["id"]
        assert all(squad(answer) for answer in row["answers"]), row["id"]


def test_a_context_of_facts_holds_the_facts_that_lead_to_the_answer(splits: Splits) -> None:
    for drawn in chain.from_iterable(splits.values()):
        item = drawn.item
        if item.context and drawn.slice != "reasoning":
            conclusion = item.answer_type in ("choice", "boolean", "number")
            facts = [line for line in item.evidence if line.endswith(".")]
            assert len(set(facts) - set(item.context)) <= conclusion, item.question


def test_facts_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"countries\.jsonl.*extract_facts"):
        load(tmp_path)


def test_an_order_is_found_from_its_clues() -> None:
    clues = [
        Clue("A before B.", lambda order: order.index("A") < order.index("B")),
        Clue("C is first.", lambda order: order[0] == "C"),
    ]
    assert solutions("ABC", clues) == [("C", "A", "B")]
    assert len(solutions("ABC", clues[:1])) == 3


def test_two_who_call_each_other_knaves_leave_two_solutions() -> None:
    assert knaves("AB", [lambda w: not w["B"], lambda w: not w["A"]]) == [("A",), ("B",)]


def test_one_who_says_that_both_are_not_knights_is_the_knight() -> None:
    claims = [lambda w: not (w["A"] and w["B"]), lambda w: w["A"] and w["B"]]
    assert knaves("AB", claims) == [("A",)]


@pytest.mark.parametrize(
    ("terms", "answer"),
    [([3, 7, 11, 15, 19], 23), ([2, 6, 18, 54, 162], 486), ([1, 3, 6, 10, 15], 21)],
)
def test_sequences_go_on(terms: list[int], answer: int) -> None:
    assert next_term(terms) == answer


def test_few_coins_beat_the_greedy_choice() -> None:
    assert fewest_coins((1, 3, 4), 6) == [3, 3]
    assert fewest_coins((1, 7, 9), 14) == [7, 7]


def test_a_robot_walks_and_turns() -> None:
    assert walk([("", 3), ("right", 4), ("right", 5)]) == (4, -2, "south")
    assert walk([("", 1), ("left", 2)]) == (-2, 1, "west")


def test_answers_are_accepted_in_their_usual_forms() -> None:
    assert number(12500, "grams") == ("12500", "12,500", "12500 grams")
    assert decimal(1250, "euros") == ("12.5", "12.50", "12.5 euros")
    assert clock_names(13 * 60 + 5) == ("13:05", "1:05 pm", "1:05pm")
    assert clock_names(0)[:3] == ("00:00", "0:00", "12:00 am")
    assert {"3 May 2031", "May 3, 2031", "2031-05-03"} <= set(date_names(date(2031, 5, 3)))
