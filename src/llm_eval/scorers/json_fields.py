"""Field-level scoring of extracted JSON: what is missing, what is wrong, what is made up.

    expected {"total": 12.5, "items": [{"sku": "A"}, {"sku": "B"}]}
    answer   {"total": "12.50", "items": [{"sku": "B"}], "note": "paid"}
    →  total correct · items[].sku correct · items[].sku missing · note spurious

An absent field and null are the same. Lists are sets of items unless `ordered`: they are aligned
so that the most leaves agree. Leaves that are null on both sides count for nothing. A number may be
given as text, with thousands separators and one currency: 1234.5 is also "$1,234.50".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Literal, NamedTuple, NoReturn

import jsonschema_rs
import msgspec

from llm_eval.errors import ScorerError
from llm_eval.fingerprint import canonical
from llm_eval.scorers import normalise, numbers
from llm_eval.scorers.base import Deterministic, Scores
from llm_eval.scorers.dates import is_iso_date, parse_date
from llm_eval.scorers.json_parse import ParsedJSON
from llm_eval.types import Metric, Sample, Score

MAX_FIELDS = 200
"""Fields kept in the details of one score."""

MAX_PAIRS = 250_000
"""Expected leaves × given leaves; beyond, aligning takes over a second and lists are compared
position by position."""

FieldStatus = Literal["correct", "wrong", "missing", "spurious"]


class Field(NamedTuple):
    """One leaf of the expected or the given value."""

    path: str
    """`items[].price`: list positions are left out, so that fields of one kind add up."""
    status: FieldStatus
    expected: Any = None
    actual: Any = None


@dataclass(frozen=True, slots=True)
class JSONFields(Deterministic):
    """Schema validity, exact match, and precision, recall and F1 over the leaves."""

    name: ClassVar[str] = "json_fields"
    relative_tolerance: float = 1e-6
    absolute_tolerance: float = 1e-9
    strings: Literal["loose", "exact"] = "loose"
    """loose: NFKC, case folded, single spaces, no punctuation at either end."""
    dates: bool = True
    """An expected ISO date also equals the same date in another unambiguous form."""
    ordered: bool = False
    """Lists must agree position by position."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Exact match first: it is the headline."""
        return (
            Metric("exact_match", "rate"),
            Metric("field_f1"),
            Metric("field_precision"),
            Metric("field_recall"),
            Metric("schema_valid", "rate"),
            Metric("strict_json", "rate"),
        )

    def grade(self, sample: Sample, answer: Any) -> Scores:
        """Compare with the target; the row's schema, if it has one, is `inputs["schema"]`."""
        parsed = answer if isinstance(answer, ParsedJSON) else ParsedJSON(answer, strict=True)
        fields = list(self._affordable(sample.target, parsed.value))
        precision, recall, f1 = _rates(fields)
        valid = _fits_schema(sample, parsed.value)
        exact = same_value(sample.target, parsed.value)
        return (
            Score("exact_match", float(exact), details=_details(fields)),
            Score("field_f1", f1),
            Score("field_precision", precision),
            Score("field_recall", recall),
            Score("schema_valid", float(valid)),
            Score("strict_json", float(parsed.strict)),
        )

    def _affordable(self, expected: Any, actual: Any) -> Iterator[Field]:
        pairs = _n_leaves(expected) * _n_leaves(actual)
        rules = self if pairs <= MAX_PAIRS else replace(self, ordered=True)
        return rules.compare(expected, actual)

    def compare(self, expected: Any, actual: Any, path: str = "") -> Iterator[Field]:
        """Every leaf of either value with its status."""
        if isinstance(expected, dict):
            yield from self._objects(expected, actual, path)
        elif isinstance(expected, list):
            yield from self._lists(expected, actual, path)
        elif isinstance(actual, dict | list) and expected is None:
            yield from _spurious(actual, path)
        elif (field := self._leaf(expected, actual, path)) is not None:
            yield field

    def equal(self, expected: Any, actual: Any) -> bool:
        """Whether two leaves mean the same."""
        if isinstance(expected, bool) or isinstance(actual, bool):
            return expected is actual
        if isinstance(expected, int | float):
            found = numbers.amount(actual) if isinstance(actual, str) else actual
            return isinstance(found, int | float) and numbers.close(
                found, expected, self.relative_tolerance, self.absolute_tolerance
            )
        if not isinstance(expected, str) or not isinstance(actual, str):
            return bool(expected == actual)
        if expected == actual:
            return True
        if self.dates and is_iso_date(expected) and parse_date(actual) == parse_date(expected):
            return True
        return self.strings == "loose" and normalise.loose(expected) == normalise.loose(actual)

    def _leaf(self, expected: Any, actual: Any, path: str) -> Field | None:
        if expected is None:
            return None if actual is None else Field(path, "spurious", None, actual)
        if actual is None:
            return Field(path, "missing", expected, None)
        status: FieldStatus = "correct" if self.equal(expected, actual) else "wrong"
        return Field(path, status, expected, actual)

    def _objects(self, expected: Mapping[str, Any], actual: Any, path: str) -> Iterator[Field]:
        given = actual if isinstance(actual, dict) else {}
        prefix = f"{path}." if path else ""
        for name, value in expected.items():
            yield from self.compare(value, given.get(name), f"{prefix}{name}")
        for name, value in given.items():
            if name not in expected:
                yield from _spurious(value, f"{prefix}{name}")
        if actual is not None and not isinstance(actual, dict):
            yield Field(path or "$", "spurious", None, actual)

    def _lists(self, expected: Sequence[Any], actual: Any, path: str) -> Iterator[Field]:
        given = actual if isinstance(actual, list) else [] if actual is None else [actual]
        if self.ordered or same_value(expected, given):
            both = zip(expected, given, strict=False)
            table = {(i, i): self._items(*pair, path) for i, pair in enumerate(both)}
        else:
            table = self._aligned(expected, given, path)
        for fields in table.values():
            yield from fields
        left, right = {i for i, _ in table}, {j for _, j in table}
        for i, item in enumerate(expected):
            if i not in left:
                yield from self._items(item, None, path)
        for j, item in enumerate(given):
            if j not in right:
                yield from _spurious(item, f"{path}[]")

    def _items(self, expected: Any, actual: Any, path: str) -> list[Field]:
        return list(self.compare(expected, actual, f"{path}[]"))

    def _aligned(
        self, expected: Sequence[Any], given: Sequence[Any], path: str
    ) -> dict[tuple[int, int], list[Field]]:
        """Positions that are paired, and their fields: the Hungarian algorithm.

        All pairs are compared once and kept: comparing the chosen ones again would double the
        time at every level of nested lists.
        """
        if not expected or not given:
            return {}
        from scipy.optimize import linear_sum_assignment  # 0.2 s to import, rarely needed

        table = [[self._items(e, g, path) for g in given] for e in expected]
        alone = [sum(1 for _ in _spurious(g, path)) for g in given]
        gain = [
            [_gain(fields, alone[j]) + 1e-9 * (i == j) for j, fields in enumerate(row)]
            for i, row in enumerate(table)
        ]
        rows, columns = linear_sum_assignment(gain, maximize=True)
        return {(int(i), int(j)): table[i][j] for i, j in zip(rows, columns, strict=True)}


def _gain(fields: Sequence[Field], alone: int) -> float:
    """What pairing two items is worth over leaving the given one, of `alone` leaves, spurious.

    Correct leaves first, then few given leaves, then few spurious ones. All that the rates are
    made of is in it, so that the order of a list can decide nothing but ties.
    """
    statuses = [field.status for field in fields]
    correct, spurious = statuses.count("correct"), statuses.count("spurious")
    given = len(statuses) - statuses.count("missing")
    return correct - 1e-3 * (given - alone) - 1e-6 * (spurious - alone)


def same_value(expected: Any, actual: Any) -> bool:
    """Canonical equality: key order, absent against null, and 1 against 1.0 make no difference."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        names = expected.keys() | actual.keys()
        return all(same_value(expected.get(name), actual.get(name)) for name in names)
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(same_value, expected, actual))
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    return bool(expected == actual)


def _spurious(value: Any, path: str) -> Iterator[Field]:
    if isinstance(value, dict) and value:
        prefix = f"{path}." if path else ""
        for name, inner in value.items():
            yield from _spurious(inner, f"{prefix}{name}")
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _spurious(inner, f"{path}[]")
    elif value is not None and value != [] and value != {}:
        yield Field(path, "spurious", None, value)


def _n_leaves(value: Any) -> int:
    return max(1, sum(1 for _ in _spurious(value, "")))


def _rates(fields: Sequence[Field]) -> tuple[float, float, float]:
    """Precision, recall and F1; nothing expected and nothing given is perfect."""
    correct = sum(field.status == "correct" for field in fields)
    given = sum(field.status != "missing" for field in fields)
    wanted = sum(field.status != "spurious" for field in fields)
    if given == wanted == 0:
        return 1.0, 1.0, 1.0
    f1 = 2 * correct / (given + wanted)
    return correct / given if given else 0.0, correct / wanted if wanted else 0.0, f1


def _details(fields: Sequence[Field]) -> Mapping[str, Any]:
    shown = [
        {"path": f.path, "status": f.status}
        if f.status == "correct"
        else {"path": f.path, "status": f.status, "expected": f.expected, "actual": f.actual}
        for f in fields[:MAX_FIELDS]
    ]
    return {"fields": shown, "n_fields": len(fields)}


def _fits_schema(sample: Sample, value: Any) -> bool:
    schema = sample.inputs.get("schema")
    if schema is None:
        return True
    try:
        return bool(_validator(canonical(schema)).is_valid(value))
    except ValueError as exc:
        first, *_ = str(exc).splitlines()
        raise ScorerError(f"sample {sample.id!r}: its JSON Schema is none: {first}") from exc


@lru_cache(maxsize=512)
def _validator(schema: bytes) -> Any:
    return jsonschema_rs.validator_for(msgspec.json.decode(schema), retriever=_refuse_to_fetch)


def _refuse_to_fetch(uri: str) -> NoReturn:
    """A row must not make the harness read files or the network."""
    raise ValueError(f"{uri} is outside the schema")
