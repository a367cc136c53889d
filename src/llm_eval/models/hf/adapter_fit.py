"""Whether an adapter belongs on a base, by names and shapes of its matrices, before it is loaded.

A load that fails half-way would leave the adapter's layers in the base, and all its later replies
would be theirs. So nothing is touched before the shapes are known to agree.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from llm_eval.errors import ConfigError
from llm_eval.models.adapter_files import WEIGHTS, AdapterFiles
from llm_eval.models.safetensors_header import tensor_shapes

_NAME = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])\.weight")


def check_fit(adapter: AdapterFiles, model: Any) -> None:
    """Compare every matrix of the adapter with the layer it belongs to.

    Raises:
        ConfigError: a layer is missing on either side, or has another width.
    """
    modules = dict(model.named_modules())
    adapted = set()
    for module, side, shape in _matrices(tensor_shapes(adapter.path / WEIGHTS, "train it again")):
        adapted.add(module)
        if module not in modules:
            raise _misfit(adapter, f"it has weights for {module}, which the base has not")
        name, axis = ("in_features", 1) if side == "A" else ("out_features", 0)
        width = getattr(modules[module], name, None)
        if width is not None and width != shape[axis]:
            raise _misfit(adapter, f"{module} is {width:,} wide, and the adapter {shape[axis]:,}")
    for module in _targets(adapter.config, modules):
        if module not in adapted:
            raise _misfit(adapter, f"it has no weights for the base's {module}")


def _matrices(shapes: Mapping[str, list[int]]) -> Iterator[tuple[str, str, list[int]]]:
    for name, shape in shapes.items():
        if found := _NAME.fullmatch(name):
            yield found["module"], found["side"], shape


def _targets(config: Mapping[str, Any], modules: Mapping[str, Any]) -> Iterator[str]:
    """The base's layers that the adapter means to change, where it names them plainly."""
    names = config.get("target_modules")
    if not isinstance(names, list) or config.get("layers_to_transform") is not None:
        return
    excluded = config.get("exclude_modules") or []
    for module in modules:
        named = [name for name in names if f".{module}".endswith(f".{name}")]
        left_out = any(f".{module}".endswith(f".{name}") for name in excluded)
        if named and not left_out and hasattr(modules[module], "in_features"):
            yield module


def _misfit(adapter: AdapterFiles, why: str) -> ConfigError:
    return ConfigError(
        f"adapter {adapter.path} was made for another base: {why}; name the base that it belongs to"
    )
