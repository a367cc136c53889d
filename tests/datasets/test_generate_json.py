import hashlib
import json
import re
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from llm_eval.datasets.derivable import leaves, underivable
from llm_eval.datasets.generate import json_extraction, noise
from llm_eval.datasets.generate.dice import Dice
from llm_eval.datasets.generate.document import DocumentType
from llm_eval.datasets.generate.documents import DOCUMENT_TYPES
from llm_eval.datasets.generate.json_extraction import SPLITS, normalised, word_grams
from llm_eval.datasets.generate.locales import LOCALES
from llm_eval.datasets.generate.template import Facts, Writer

COMMITTED = Path(__file__).resolve().parents[2] / "data" / "tasks" / "json_extraction"
Rows = dict[str, list[dict[str, Any]]]
every_type = pytest.mark.parametrize("kind", DOCUMENT_TYPES, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return {
        split: [
            json.loads(line)
            for line in (COMMITTED / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        for split in SPLITS
    }


def written(template: str, facts: Facts, locale: str = "en", *, scan: bool = False) -> str:
    return Writer(Dice("test"), LOCALES[locale], scan).write(template, facts)


def test_the_committed_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    json_extraction.write(tmp_path)
    sums = (COMMITTED / "SHA256SUMS").read_text(encoding="utf-8")
    assert (tmp_path / "SHA256SUMS").read_text(encoding="utf-8") == sums
    for line in sums.splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((COMMITTED / name).read_bytes()).hexdigest() == digest


def test_another_seed_gives_other_documents() -> None:
    first = next(json_extraction.generate(seed=1))
    assert first != next(json_extraction.generate(seed=2))
    assert first == next(json_extraction.generate(seed=1))


def test_slices_have_the_promised_sizes(rows: Rows) -> None:
    for split, counts in SPLITS.items():
        assert Counter(row["slice"] for row in rows[split]) == counts


def test_rows_have_the_promised_fields_and_numbers(rows: Rows) -> None:
    for split, found in rows.items():
        for number, row in enumerate(found, start=1):
            assert list(row) == list(json_extraction.Row._fields)
            assert row["id"] == f"json-{split}-{number:04}"


def test_a_fifth_of_val_and_test_is_of_types_that_train_lacks(rows: Rows) -> None:
    known = {row["doc_type"] for row in rows["train"]}
    for split in ("val", "test"):
        held_out = [row for row in rows[split] if row["held_out"]]
        assert 5 * len(held_out) >= len(rows[split])
    for found in rows.values():
        assert all(row["held_out"] == (row["doc_type"] not in known) for row in found)


def test_every_expected_leaf_can_be_read_off_the_text(rows: Rows) -> None:
    for row in (row for found in rows.values() for row in found):
        assert underivable(row["expected"], row["schema"], row["text"]) == [], row["id"]


def test_expected_values_fit_their_schemas(rows: Rows) -> None:
    for row in (row for found in rows.values() for row in found):
        jsonschema_rs.validate(row["schema"], row["expected"])


def test_texts_have_a_fair_length_and_no_mark_of_a_template(rows: Rows) -> None:
    low, high = json_extraction.LENGTHS
    marks = re.compile(r"\{[#?!/]|\{/|[\[<][^\[\]<>\n]*\w\|\w[^\[\]<>\n]*[\]>]")
    for row in (row for found in rows.values() for row in found):
        assert low <= len(row["text"]) <= high, row["id"]
        assert marks.search(row["text"]) is None, row["id"]


def test_mail_goes_to_reserved_domains_only(rows: Rows) -> None:
    for row in (row for found in rows.values() for row in found):
        domains = re.findall(r"@([\w.-]+\w)", row["text"])
        assert set(domains) <= {"example.com", "example.org"}, row["id"]


def test_hard_documents_ask_for_eight_leaves_and_more(rows: Rows) -> None:
    for row in (row for found in rows.values() for row in found if row["slice"] == "hard"):
        assert len(list(leaves(row["expected"], row["schema"]))) >= 8, row["id"]


def test_no_two_texts_are_equal(rows: Rows) -> None:
    texts = Counter(normalised(row["text"]) for found in rows.values() for row in found)
    assert [text for text, count in texts.items() if count > 1] == []


def test_val_and_test_share_few_words_with_train(rows: Rows) -> None:
    seen = {gram for row in rows["train"] for gram in word_grams(normalised(row["text"]).split())}
    for split in ("val", "test"):
        shares = []
        for row in rows[split]:
            grams = word_grams(normalised(row["text"]).split())
            shares.append(sum(gram in seen for gram in grams) / len(grams))
        assert max(shares) < 1 / 3
        assert sum(shares) / len(shares) < 0.05


def test_document_types_have_names_of_their_own_and_there_are_forty() -> None:
    assert len({kind.name for kind in DOCUMENT_TYPES}) == len(DOCUMENT_TYPES) >= 40


@every_type
def test_a_type_has_three_layouts_and_a_valid_schema(kind: DocumentType) -> None:
    assert len(kind.layouts) >= 3
    jsonschema_rs.meta.validate(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **kind.schema}
    )


@every_type
def test_a_types_expected_values_fit_its_schema_and_text(kind: DocumentType) -> None:
    validator = jsonschema_rs.validator_for(kind.schema)
    for number in range(30):
        document = kind.make(Dice(f"{kind.name}:{number}"))
        validator.validate(document.expected)
        assert underivable(document.expected, kind.schema, document.text) == []


def test_sections_show_what_is_there_and_what_is_not() -> None:
    template = "{?phone}Tel. {phone}{/}{!phone}no telephone{/}"
    assert written(template, {"phone": "123"}) == "Tel. 123"
    assert written(template, {"phone": None}) == "no telephone"


def test_loops_nest_and_look_outwards() -> None:
    facts: Facts = {"by": "Ann", "days": [{"day": 1, "tasks": ["a", "b"]}, {"day": 2, "tasks": []}]}
    template = "{#days}{day}{?tasks}:{/}{#tasks} {.}/{by}{/};{/}"
    assert written(template, facts) == "1: a/Ann b/Ann;2;"


def test_a_section_without_end_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no \{/\}"):
        written("{?a}text", {"a": 1})


def test_a_boolean_has_no_written_form() -> None:
    with pytest.raises(TypeError, match="ask for it"):
        written("{a}", {"a": True})


def test_dates_with_slashes_come_with_their_order() -> None:
    texts = set()
    for number in range(40):
        writer = Writer(Dice(str(number)), LOCALES["us"], scan=False)
        texts.add(writer.write("Due {due}", {"due": date(2024, 3, 14)}))
    slashed = [text for text in texts if "03/14/2024" in text]
    assert slashed
    assert all("MM/DD/YYYY" in text or "month/day/year" in text for text in slashed)


@pytest.mark.parametrize(
    ("locale", "number", "money"),
    [
        ("en", "1,234,567.50", "€1,234,567.50"),
        ("de", "1.234.567,50", "1.234.567,50 €"),
        ("fr", "1 234 567,50", "1 234 567,50 €"),
        ("ch", "1'234'567.50", "€ 1'234'567.50"),
        ("in", "12,34,567.50", "€12,34,567.50"),
    ],
)
def test_each_country_groups_digits_in_its_way(locale: str, number: str, money: str) -> None:
    amount = Decimal("1234567.50")
    assert LOCALES[locale].number(amount) == number
    assert LOCALES[locale].money(amount, "EUR") == money


def test_a_currency_without_sign_stands_before_the_amount_with_a_blank() -> None:
    assert LOCALES["en"].money(Decimal("5.00"), "CHF") == "CHF 5.00"
    assert LOCALES["sv"].money(Decimal("5.00"), "SEK") == "5,00 SEK"
    assert LOCALES["en"].money(Decimal("-5.00"), "GBP") == "-£5.00"


def test_scanning_never_touches_a_value() -> None:
    for number in range(50):
        writer = Writer(Dice(str(number)), LOCALES["en"], scan=True)
        text = writer.write("Invoice total: {total} for {name}", {"total": 118, "name": "Sil Boo"})
        assert "118" in text
        assert "Sil Boo" in text


def test_scanning_makes_no_digit_at_the_edge_of_a_word() -> None:
    for number in range(200):
        text = noise.scanned(Dice(str(number)), "Total go I l S B reading of g, solo")
        assert re.search(r"\b\d|\d\b", text) is None


def test_draws_stay_within_their_bounds() -> None:
    dice = Dice("bounds")
    assert {dice.whole(1, 3) for _ in range(100)} == {1, 2, 3}
    assert all(Decimal(1) <= dice.amount(1, 2) <= Decimal(2) for _ in range(100))
    assert sorted(dice.some("abc", 3)) == ["a", "b", "c"]
    assert re.fullmatch(r"[A-Z]-\d[1-9][0-9a-f]", dice.code("?-#~%"))
