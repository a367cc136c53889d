"""A YAML node as a typed value: mappings become dataclasses, and whatever does not fit says where.

    decode(load_yaml("configs/thresholds.yaml"), Thresholds)
    ConfigError: configs/thresholds.yaml:7: unknown key 'min_vlaue'; did you mean 'min_value'?

Field types: scalars, `Literal`, `Annotated[…, msgspec.Meta(ge=0)]`, `X | None`, lists, tuples,
mappings of text, dataclasses, `Any` (plain data), and `Node` for what the caller decodes later.
A `ValueError` or `ConfigError` from a `__post_init__` gets the mapping's place in front.
"""

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from llm_eval.errors import ConfigError
from llm_eval.registry import unknown
from llm_eval.yaml_source import Node

T = TypeVar("T")


def decode(node: Node, cls: type[T], **given: Any) -> T:
    """`node` as a `cls`, usually a frozen dataclass.

    Args:
        node: what `load_yaml` returned, or a part of it.
        cls: a dataclass, or any type a field may have.
        given: fields of the dataclass that the caller fills; they may not stand in the file.

    Raises:
        ConfigError: an unknown or missing key or a wrong type, with file, line, value and the
            nearest right name.
    """
    if given:
        return cast("T", _dataclass(node, cls, given))
    return cast("T", _decode(node, cls))


def _decode(node: Node, kind: Any) -> Any:
    origin = get_origin(kind)
    if kind is Node:
        return node
    if kind in (Any, object):
        return node.plain()
    if origin is Literal:
        return _literal(node, get_args(kind))
    if origin in (Union, types.UnionType):
        return _union(node, get_args(kind))
    if dataclasses.is_dataclass(kind):
        return _dataclass(node, kind, {})
    if (build := _SEQUENCES.get(origin)) is not None:
        return build(_items(node, get_args(kind)))
    if origin in _MAPPINGS:
        return {key: _decode(child, get_args(kind)[1]) for key, child in node.mapping().items()}
    return _leaf(node, kind)


def _dataclass(node: Node, cls: Any, given: Mapping[str, Any]) -> Any:
    children = node.mapping()
    hints = _hints(cls)
    fields = [f for f in dataclasses.fields(cls) if f.init and f.name not in given]
    known = [f.name for f in fields]
    for key, child in children.items():
        if key not in known:
            raise child.error(unknown("key", key, known) + _inside(node))
    for f in fields:
        if f.name not in children and _required(f):
            raise node.error(f"missing key {f.name!r}{_inside(node)}")
    values = {key: _decode(child, hints[key]) for key, child in children.items()}
    try:
        return cls(**values, **given)
    except (ValueError, ConfigError) as exc:
        raise node.error(f"{exc}{_inside(node)}") from exc


def _union(node: Node, arms: Sequence[Any]) -> Any:
    """Decode by the arm whose shape the value has; several scalar arms are tried together."""
    if node.value is None and type(None) in arms:
        return None
    fitting = [arm for arm in arms if arm is not type(None) and _shape(arm) in (None, _form(node))]
    if not fitting:
        expected = " or ".join(_name(arm) for arm in arms if arm is not type(None))
        raise node.error(f"{node.label}: expected {expected}, got {node.shown}")
    if len(fitting) == 1 or _form(node) != "scalar":
        return _decode(node, fitting[0])
    return _leaf(node, Union[tuple(fitting)])  # noqa: UP007 - built at run time


def _form(node: Node) -> str:
    if isinstance(node.value, dict):
        return "mapping"
    return "sequence" if isinstance(node.value, tuple) else "scalar"


def _shape(kind: Any) -> str | None:
    """Which form of YAML value the type is written as; None: any."""
    origin = get_origin(kind) or kind
    if kind in (Any, object, Node):
        return None
    if dataclasses.is_dataclass(kind) or origin in _MAPPINGS:
        return "mapping"
    return "sequence" if origin in _SEQUENCES else "scalar"


def _name(kind: Any) -> str:
    return {"mapping": "keys and values", "sequence": "a list"}.get(
        _shape(kind) or "", getattr(kind, "__name__", str(kind))
    )


def _items(node: Node, args: tuple[Any, ...]) -> list[Any]:
    """A list's items: of one type, or as many as a fixed-length tuple names."""
    children = node.sequence()
    if len(args) == 1 or args[-1:] == (...,):
        return [_decode(child, args[0]) for child in children]
    if len(args) != len(children):
        raise node.error(f"{node.label}: expected {len(args)} items, got {len(children)}")
    return [_decode(child, arg) for child, arg in zip(children, args, strict=True)]


def _literal(node: Node, options: tuple[Any, ...]) -> Any:
    if any(node.value == option and type(node.value) is type(option) for option in options):
        return node.value
    what = node.at.rpartition(".")[2] or "value"
    shown = node.value if isinstance(node.value, str) else node.shown
    raise node.error(unknown(what, shown, map(str, options)) + _inside(node))


def _leaf(node: Node, kind: Any) -> Any:
    try:
        return msgspec.convert(node.plain(), kind)
    except msgspec.ValidationError as exc:
        expected = str(exc).partition(", got")[0].replace("`", "")
        wanted = expected[:1].lower() + expected[1:]
        raise node.error(f"{node.label}: {wanted}, got {node.shown}") from exc


def _inside(node: Node) -> str:
    return f" (in {node.at})" if node.at else ""


def _required(f: "dataclasses.Field[Any]") -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


_MAPPINGS = (dict, Mapping)
_SEQUENCES: Mapping[Any, Callable[[Iterable[Any]], Any]] = {
    list: list,
    Sequence: tuple,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
}
