"""YAML text to plain data and the line of every value, from the parser's events alone.

    mini:                 →  {"mini": {"stop": ["END"]}}
      stop: [END]            {("mini",): 1, ("mini", "stop"): 2, ("mini", "stop", 0): 2}

The YAML 1.2 core types: `no`, `on`, `12:30` and `2025-01-31` are text, only `true` and `false` are
bool. Keys are text. Nothing is ever constructed from a tag.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from llm_eval.errors import ConfigError

MAX_DEPTH = 48
MAX_VALUES = 200_000
"""After aliases are followed: nine lines of aliases can stand for billions of values."""

Path = tuple[str | int, ...]
Lines = dict[Path, int]

_INT = re.compile(r"[-+]?[0-9]{1,100}|0x[0-9a-fA-F]{1,64}|0o[0-7]{1,64}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAGS = {None, "!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))}


def read(text: str, file: str) -> tuple[Any, Lines]:
    """The one document in `text`, and the line of each value by its path; empty text is None.

    Raises:
        ConfigError: it is not YAML, or it has tags, duplicate keys, merge keys, a second document,
            or swells or nests without end; names file and line.
    """
    reader = _Reader(text, file)
    try:
        return reader.document(), reader.lines
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{file}:{line}: not YAML: {exc.problem or exc.context}") from exc
    except yaml.YAMLError as exc:
        raise ConfigError(f"{file}: not YAML: {str(exc).splitlines()[0]}") from exc


class _Reader:
    """Builds values from events, counting depth and size as it goes."""

    def __init__(self, text: str, file: str) -> None:
        self.lines: Lines = {(): 1}
        self._file = file
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._size = 0

    def document(self) -> Any:
        event = self._next(yaml.StreamStartEvent, yaml.DocumentStartEvent)
        if isinstance(event, yaml.StreamEndEvent):
            return None
        value = self._value(event, ())
        extra = self._next(yaml.DocumentEndEvent)
        if not isinstance(extra, yaml.StreamEndEvent):
            raise self._error(extra, "a second document; keep one document in a file")
        return value

    def _next(self, *skipped: type[yaml.Event]) -> yaml.Event:
        return next(event for event in self._events if not isinstance(event, skipped))

    def _value(self, event: yaml.Event, path: Path) -> Any:
        # A mapping has put its key's line here already: the key is what a person looks for.
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if len(path) > MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels")
        if (tag := getattr(event, "tag", None)) not in _TAGS:
            raise self._error(event, f"only plain data is read: tag {tag!r} is not allowed")
        before = self._size
        self._grow(event, 1)
        value = self._built(event, path)
        if (anchor := getattr(event, "anchor", None)) is not None:
            self._anchors[anchor] = value, self._size - before
        return value

    def _built(self, event: yaml.Event, path: Path) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return list(self._items(path))
        return self._mapping(path)

    def _items(self, path: Path) -> Iterator[Any]:
        index = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._value(event, (*path, index))
            index += 1

    def _mapping(self, path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            if key in made:
                first = self.lines[*path, key]
                raise self._error(event, f"key {key!r} stands here twice, first on line {first}")
            self.lines[*path, key] = _line(event)
            made[key] = self._value(next(self._events), (*path, key))
        return made

    def _key(self, event: yaml.Event) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag not in _TAGS:
            raise self._error(event, "a key must be plain text")
        if event.value == "<<" and event.implicit[0]:
            raise self._error(event, "merge keys ('<<') are not read; write the keys out")
        return event.value

    def _alias(self, event: yaml.AliasEvent) -> Any:
        found = self._anchors.get(str(event.anchor))
        if found is None:
            raise self._error(event, f"alias *{event.anchor} has no finished anchor before it")
        value, size = found
        self._grow(event, size)
        return value

    def _grow(self, event: yaml.Event, size: int) -> None:
        self._size += size
        if self._size > MAX_VALUES:
            raise self._error(event, f"more than {MAX_VALUES} values; is an alias repeated?")

    def _scalar(self, event: yaml.ScalarEvent) -> str | int | float | bool | None:
        text: str = event.value
        if not event.implicit[0] or event.tag is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            return int(text, 0 if text[:2] in {"0x", "0o"} else 10)
        if not _FLOAT.fullmatch(text):
            return text
        number = float(text)
        if not math.isfinite(number):
            raise self._error(event, f"number {text[:60]} is too large")
        return number

    def _error(self, event: yaml.Event, message: str) -> ConfigError:
        return ConfigError(f"{self._file}:{_line(event)}: {message}")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
