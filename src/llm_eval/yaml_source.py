"""YAML that knows where each value stands, so that a mistake is told with file and line.

    configs/models.yaml:12: unknown key 'modle' in model 'fast'; did you mean 'model'?

Only plain data is read: no tags, no objects, no duplicate keys, bounded depth and size.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec
import yaml

from llm_eval.errors import ConfigError
from llm_eval.registry import unknown

T = TypeVar("T")

MAX_DEPTH = 30
MAX_NODES = 100_000
"""After aliases are followed: a few lines of aliases can stand for billions of values."""


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML file, read."""

    path: str
    value: Any
    lines: Mapping[tuple[str | int, ...], int]
    """Line of every value, by its path of keys and positions."""

    def place(self, *path: str | int) -> str:
        """`file:line` of the value at `path`, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.path}:{self.lines.get(path, 1)}"

    def error(self, message: str, *path: str | int) -> ConfigError:
        """An error that points at the value at `path`."""
        return ConfigError(f"{self.place(*path)}: {message}")


def load_yaml(path: str | Path) -> Source:
    """Read a YAML file.

    Raises:
        ConfigError: it is not there, no YAML, or more than plain data; names the line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path} is not there") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}") from exc
    return parse_yaml(text, str(path))


def parse_yaml(text: str, path: str = "<text>") -> Source:
    """Read YAML from `text`; `path` is only for messages."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise ConfigError(f"{path}:{line}: no YAML: {exc.problem}") from exc
    except (yaml.YAMLError, RecursionError) as exc:
        raise ConfigError(f"{path}: no YAML: {exc}") from exc
    reader = _Reader(path)
    return Source(path, None if root is None else reader.read(root, ()), reader.lines)


def decode(source: Source, kind: type[T], *path: str | int, what: str = "the file") -> T:
    """The value at `path` as the dataclass `kind`.

    Raises:
        ConfigError: an unknown, missing or mistyped key; names the line and the nearest key.
    """
    value = source.value
    for step in path:
        value = value[step]
    _check_keys(source, value, kind, path, what)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as exc:
        where = _error_path(str(exc))
        message = str(exc).partition(" - at")[0]
        shown = _at(value, where)
        at = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in where).lstrip(".")
        told = f"{at} is {shown!r}: {message}" if where else message
        raise source.error(f"{what}: {told}", *path, *where) from exc


def _check_keys(
    source: Source, value: Any, kind: type[Any], path: tuple[str | int, ...], what: str
) -> None:
    """Unknown and missing keys, in nested dataclasses too; msgspec would ignore unknown ones."""
    if not isinstance(value, dict):
        raise source.error(f"{what} must be a mapping, got {value!r}", *path)
    known = {f.name: f for f in fields(kind)}
    for name in value:
        if name not in known:
            message = unknown("key", str(name), known)
            raise source.error(f"{what}: {message}", *path, name)
    for name, f in known.items():
        required = f.default is MISSING and f.default_factory is MISSING
        if required and name not in value:
            raise source.error(f"{what} lacks the key {name!r}", *path)
    hints = get_type_hints(kind)
    for name, inner in value.items():
        if isinstance(inner, dict) and (nested := _dataclass_in(hints[name])) is not None:
            _check_keys(source, inner, nested, (*path, name), f"{what}, {name}")


def _dataclass_in(hint: Any) -> type[Any] | None:
    """The dataclass that a field holds, also behind `| None`."""
    for candidate in (hint, *getattr(hint, "__args__", ())):
        if isinstance(candidate, type) and is_dataclass(candidate):
            return candidate
    return None


def _error_path(message: str) -> tuple[str | int, ...]:
    """Msgspec's ``at `$.limits[0].x` `` as keys and positions."""
    _, found, path = message.partition("`$")
    if not found:
        return ()
    steps = path.rstrip("`").replace("[", ".[").split(".")
    return tuple(
        int(step[1:-1]) if step.startswith("[") and step[1:-1].isdigit() else step
        for step in steps
        if step and step != "[...]"
    )


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return value
    return value


class _Reader:
    """Turns composed nodes into values and remembers their lines."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._nodes = 0
        self.lines: dict[tuple[str | int, ...], int] = {}

    def read(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self._count(node, path)
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, n)) for n, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node)
            if not isinstance(key, str | int | float | bool):
                raise self._error(key_node, f"a key must be a word, got {key!r}")
            if str(key) in made:
                raise self._error(key_node, f"the key {key!r} stands here twice")
            made[str(key)] = self.read(value_node, (*path, str(key)))
            self.lines[*path, str(key)] = key_node.start_mark.line + 1
        return made

    def _scalar(self, node: yaml.Node) -> Any:
        loader = yaml.SafeLoader("")
        try:
            value = loader.construct_object(node, deep=True)
        except yaml.MarkedYAMLError as exc:
            raise self._error(node, f"only plain data is read: {exc.problem}") from exc
        # A date is what YAML makes of 2024-03-14; people mean the text.
        return value if isinstance(value, str | int | float | bool | None) else node.value

    def _count(self, node: yaml.Node, path: tuple[str | int, ...]) -> None:
        self._nodes += 1
        if len(path) > MAX_DEPTH or self._nodes > MAX_NODES:
            limit = f"{MAX_DEPTH} levels or {MAX_NODES:,} values"
            raise self._error(node, f"more than {limit}; is an alias repeated?")

    def _error(self, node: yaml.Node, message: str) -> ConfigError:
        return ConfigError(f"{self._path}:{node.start_mark.line + 1}: {message}")
