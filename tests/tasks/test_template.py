"""Templates: a row's text is data, and a template can reach nothing but the row."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.errors import ConfigError, DatasetError
from llm_eval.tasks.template import MAX_CHARS, Template


def test_fields_of_the_row_are_filled_in() -> None:
    template = Template("{{ name }}: {{ item.price }}{% if note %} ({{ note }}){% endif %}")
    assert template.fields == {"name", "item", "note"}
    assert template.render({"name": "tea", "item": {"price": 2}, "note": ""}) == "tea: 2"


def test_a_newline_at_the_end_stays() -> None:
    assert Template("a\n").render({}) == "a\n"


@given(*[st.text(st.characters(exclude_characters="{}#\r"), max_size=8)] * 3)
def test_plain_texts_and_values_stand_as_they_are(before: str, value: str, after: str) -> None:
    """Per cent signs too, with which plain templates are filled."""
    assert Template(before + "{{ x }}" + after).render({"x": value}) == before + value + after


@pytest.mark.parametrize("text", ["100 %", "%(x)s", "%%", "%(x)s {{ x }} %"])
def test_a_per_cent_sign_is_no_placeholder(text: str) -> None:
    assert Template(text).render({"x": 1}) == text.replace("{{ x }}", "1")


@pytest.mark.parametrize(
    ("text", "which"),
    [("{{ q }}", "'q'"), ("a {{ x }} {{ q }}", "'q'"), ("{{ d.gone }}", "a value")],
)
def test_null_is_never_written_into_a_prompt(text: str, which: str) -> None:
    with pytest.raises(DatasetError, match=f"{which} is null here; .* or '' }}}}` writes nothing"):
        Template(text).render({"x": "None", "q": None, "d": {"gone": None}})


@pytest.mark.parametrize("text", ["{{ q or '' }}", "{% if q %}{{ q }}{% endif %}"])
def test_a_template_may_say_what_null_means(text: str) -> None:
    assert Template(text).render({"q": None}) == ""


def test_the_word_none_is_a_text() -> None:
    assert Template("Which? {{ q }}").render({"q": "None"}) == "Which? None"


@pytest.mark.parametrize("text", ["{{ q }}", "{{ d.gone }}", "{{- d['gone'] -}}\n"])
def test_a_label_that_is_null_is_none(text: str) -> None:
    assert Template(text).label({"q": None, "d": {"gone": None}}) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [("{{ n }}", "4"), ("{{ d.x }}", "1"), ("no. {{ n }}", "no. 4"), ("a", "a"), (" ", " ")],
)
def test_a_label_is_the_rendered_text(text: str, said: str) -> None:
    assert Template(text).label({"n": 4, "d": {"x": 1}}) == said


@pytest.mark.parametrize(("text", "kind"), [("{{ xs }}", "a list"), ("{{ d.y }}", "an object")])
def test_a_list_is_no_label(text: str, kind: str) -> None:
    with pytest.raises(DatasetError, match=f"the value is {kind}.* `target_field: PATH` takes"):
        Template(text).label({"xs": ["Paris"], "d": {"y": {}}})


@pytest.mark.parametrize(
    ("text", "said"),
    [("{{ q }}", "'q' is undefined"), ("{{ a.b.c }}", "'dict object' has no attribute 'b'")],
)
def test_a_label_that_the_row_lacks_is_told(text: str, said: str) -> None:
    with pytest.raises(DatasetError, match=f"^template '{text}': {said}; the row has: a$"):
        Template(text).label({"a": {}})


def test_a_field_that_is_too_long_is_refused() -> None:
    with pytest.raises(DatasetError, match="over 2,000,000 characters"):
        Template("Q: {{ q }}").render({"q": "x" * MAX_CHARS})


def test_template_marks_in_a_rows_text_are_only_text() -> None:
    hostile = "{{ 7 * 7 }}{% for x in y %}<b>&"
    assert Template("Q: {{ q }}").render({"q": hostile}) == f"Q: {hostile}"


def test_json_of_a_field_can_be_written() -> None:
    assert Template("{{ x | tojson }}").render({"x": {"b": [1, None]}}) == '{"b": [1, null]}'


@pytest.mark.parametrize(
    "text",
    [
        "{{ x.__class__ }}",
        "{{ x.__class__.__mro__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ x['__class__'] }}",
        "{{ x | attr('__class__') }}",
        "{{ x.__init__.__globals__ }}",
        "{{ '{0.__class__}'.format(x) }}",
        "{{ x.append(1) }}",
        "{{ d.update(a=1) }}",
    ],
)
def test_what_a_template_may_not_reach_is_refused(text: str) -> None:
    with pytest.raises(DatasetError) as caught:
        Template(text).render({"x": [], "d": {}})
    message = str(caught.value)
    assert message.startswith(f"template {text[:60]!r}: ")
    assert "__subclasses__()" in message or len(message) < 250
    assert "\n" not in message


@pytest.mark.parametrize("name", ["range", "lipsum", "cycler", "self.__init__", "config", "dict"])
def test_there_are_no_globals(name: str) -> None:
    with pytest.raises(DatasetError):
        Template("{{ %s() }}" % name).render({})  # noqa: UP031 - braces are Jinja's


@pytest.mark.parametrize(
    "text",
    ["{% include 'x' %}", "{% import 'x' as x %}", "{% extends 'x' %}", "{{ x | nofilter }}"],
)
def test_other_templates_and_unknown_filters_are_refused(text: str) -> None:
    with pytest.raises((ConfigError, DatasetError)):
        Template(text).render({"x": 1})


def test_a_missing_field_is_named_with_what_the_row_has() -> None:
    with pytest.raises(DatasetError) as caught:
        Template("{{ qustion }}").render({"question": "?", "id": 1})
    assert str(caught.value) == (
        "template '{{ qustion }}': 'qustion' is undefined; the row has: question, id"
    )


@pytest.mark.parametrize("text", ["{{ x", "{% if x %}", "{{ }}", "{% nothing %}", "{{ x ! }}"])
def test_what_is_no_template_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^template "):
        Template(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 10 ** 10 }}",
        "{{ x * 10 ** 9 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ [x] * 10000000 }}",
        "{{ 3000000 * x }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ '{missing}'.format() }}",
        "{{ '%d' % x }}",
        "{{ 1 / 0 }}",
        "{% for a in x * 3000 %}{{ x * 3000 }}{% endfor %}",
    ],
)
def test_a_template_that_swells_or_breaks_is_refused_in_time(text: str) -> None:
    start = time.thread_time()
    with pytest.raises(DatasetError):
        Template(text).render({"x": "text"})
    assert time.thread_time() - start < 6


def test_small_sums_and_repeats_are_allowed() -> None:
    assert Template("{{ '-' * 3 }} {{ n * 2 }} {{ n * 0.5 }}").render({"n": 4}) == "--- 8 2.0"


def test_a_long_row_is_not_a_swelling_template() -> None:
    assert len(Template("{{ x }}").render({"x": "y" * (MAX_CHARS // 2)})) == MAX_CHARS // 2
