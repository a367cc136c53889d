"""YAML that knows where each value stands, so that a mistake is told with file and line.

configs/models.yaml:12: model 'fast': unknown key 'modle'; did you mean 'model'?

source = load_yaml("configs/thresholds.yaml")
rules = decode(source, Thresholds)                  # a dataclass; unknown keys are refused
raise source.error("no such run", "baseline")       # points at the line of `baseline`
"""

import dataclasses
import difflib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from llm_eval import yaml_reader
from llm_eval.errors import ConfigError
from llm_eval.registry import unknown

T = TypeVar("T")

MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML file, read."""

    path: str
    value: Any
    """Plain data: dict with text keys, list, str, int, float, bool, None."""
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
        ConfigError: it is not there, too large, no YAML, or more than plain data; names the line.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: no such file{_nearest_file(file)}") from exc
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}") from exc
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes, which no configuration is")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ConfigError(f"{path}:{line}: byte {data[exc.start]:#04x} is not UTF-8") from exc
    return parse_yaml(text, str(path))


def parse_yaml(text: str, path: str = "<text>") -> Source:
    """Read YAML from `text`; `path` is only for messages."""
    value, lines = yaml_reader.read(text, path)
    return Source(path, value, lines)


def decode(source: Source, kind: type[T], *path: str | int, what: str = "the file") -> T:
    """The value at `path` as `kind`, usually a frozen dataclass.

    Fields may be scalars, `Literal`, `Annotated[…, msgspec.Meta(ge=0)]`, unions, lists, tuples,
    mappings, other dataclasses, and `Any` for plain data. A `ValueError` or `ConfigError` raised
    by a `__post_init__` gets the mapping's place in front.

    Args:
        source: the file.
        kind: what to make of the value.
        path: keys and positions that lead to the value; none for the whole file.
        what: what a message calls the value: `model 'fast'`.

    Raises:
        ConfigError: an unknown, missing or mistyped key at any depth; names file, line, key, value
            and the nearest right name.
    """
    value = source.value
    for step in path:
        value = value[step]
    return cast("T", _decode(_Spot(source, path, (), value, what), kind))


@dataclass(frozen=True, slots=True)
class _Spot:
    """One value on the way down."""

    source: Source
    base: tuple[str | int, ...]
    below: tuple[str | int, ...]
    """Steps from the value that `decode` was asked for."""
    value: Any
    what: str

    def child(self, step: str | int) -> "_Spot":
        return dataclasses.replace(self, below=(*self.below, step), value=self.value[step])

    def error(self, message: str, step: str | None = None) -> ConfigError:
        steps = (step,) if step is not None else ()
        at = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in self.below).lstrip(".")
        where = f"{self.what}, {at}" if at else self.what
        return self.source.error(f"{where}: {message}", *self.base, *self.below, *steps)

    def mismatch(self, expected: str) -> ConfigError:
        return self.error(f"expected {expected}, got {self.shown}")

    @property
    def form(self) -> str:
        return _FORMS.get(type(self.value), "scalar")

    @property
    def shown(self) -> str:
        """The value as a message quotes it: short, one line."""
        if self.form != "scalar":
            return self.form
        text = "nothing" if self.value is None else repr(self.value)
        return text if len(text) <= 60 else f"{text[:60]}…"


def _decode(spot: _Spot, kind: Any) -> Any:
    origin = get_origin(kind)
    if kind in (Any, object):
        return spot.value
    if origin is Literal:
        return _literal(spot, get_args(kind))
    if origin in (Union, types.UnionType):
        return _union(spot, get_args(kind))
    if dataclasses.is_dataclass(kind):
        return _dataclass(spot, kind)
    if (build := _SEQUENCES.get(origin)) is not None:
        return build(_items(spot, get_args(kind)))
    if origin in _MAPPINGS:
        inner = get_args(kind)[1]
        return {key: _decode(spot.child(key), inner) for key in _mapping(spot)}
    return _leaf(spot, kind)


def _dataclass(spot: _Spot, cls: Any) -> Any:
    given, hints = _mapping(spot), _hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
    for key in given:
        if key not in fields:
            raise spot.error(unknown("key", key, fields), key)
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in given:
            raise spot.error(f"the key {name!r} is missing")
    values = {key: _decode(spot.child(key), hints[key]) for key in given}
    try:
        return cls(**values)
    except (ValueError, ConfigError) as exc:
        raise spot.error(str(exc)) from exc


def _mapping(spot: _Spot) -> dict[str, Any]:
    if not isinstance(spot.value, dict):
        raise spot.mismatch("a mapping")
    return spot.value


def _items(spot: _Spot, args: tuple[Any, ...]) -> list[Any]:
    """A list's items: all of one type, or one for each type of a fixed-length tuple."""
    if not isinstance(spot.value, list):
        raise spot.mismatch("a list")
    n = len(spot.value)
    kinds = args[:1] * n if len(args) == 1 or args[-1] is ... else args
    if len(kinds) != n:
        raise spot.error(f"expected {len(kinds)} items, got {n}")
    return [_decode(spot.child(index), kind) for index, kind in enumerate(kinds)]


def _union(spot: _Spot, arms: Sequence[Any]) -> Any:
    """Decode by the arm whose form the value has; several scalar arms are tried together."""
    arms = [arm for arm in arms if arm is not type(None) or spot.value is None]
    if spot.value is None and type(None) in arms:
        return None
    fitting = [arm for arm in arms if _form(arm) in (None, spot.form)]
    if not fitting:
        raise spot.mismatch(" or ".join(map(_name, arms)))
    if len(fitting) == 1 or spot.form != "scalar":
        return _decode(spot, fitting[0])
    return _leaf(spot, Union[tuple(fitting)])  # noqa: UP007 - built at run time


def _form(kind: Any) -> str | None:
    """Which form of YAML value a type is written as; None: any."""
    origin = get_origin(kind) or kind
    if kind in (Any, object):
        return None
    if dataclasses.is_dataclass(kind) or origin in _MAPPINGS:
        return "a mapping"
    return "a list" if origin in _SEQUENCES else "scalar"


def _name(kind: Any) -> str:
    form = _form(kind)
    return form if form and form != "scalar" else str(getattr(kind, "__name__", kind))


def _literal(spot: _Spot, options: tuple[Any, ...]) -> Any:
    for option in options:
        if spot.value == option and type(spot.value) is type(option):
            return option
    if not isinstance(spot.value, str):
        raise spot.mismatch(" or ".join(map(repr, options)))
    raise spot.error(unknown("value", spot.value, map(str, options)))


def _leaf(spot: _Spot, kind: Any) -> Any:
    try:
        return msgspec.convert(spot.value, kind)
    except msgspec.ValidationError as exc:
        expected = str(exc).partition(", got")[0].replace("`", "").removeprefix("Expected ")
        raise spot.mismatch(expected) from exc


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def _nearest_file(file: Path) -> str:
    names = [p.name for p in file.parent.iterdir()] if file.parent.is_dir() else []
    near = difflib.get_close_matches(file.name, names, n=1)
    return f"; did you mean {file.with_name(near[0])}?" if near else ""


_FORMS: Mapping[type, str] = {dict: "a mapping", list: "a list"}
_MAPPINGS = (dict, Mapping)
_SEQUENCES: Mapping[Any, Callable[[Iterable[Any]], Any]] = {
    list: list,
    Sequence: tuple,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
}
