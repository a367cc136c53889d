"""Does an adapter fit the model it is put on? PEFT leaves out what has no place, without a word.

An adapter of 30 layers loads on a model of 24: the six others are gone, and the replies are of
neither. A load that fails half-way leaves the adapter's layers in the base, and all its later
replies would be theirs. So names and shapes are compared before anything is touched, and what was
loaded is compared with what the file holds.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llm_eval.errors import ConfigError, EvalError
from llm_eval.models.adapter_files import WEIGHTS, AdapterFiles
from llm_eval.models.hf.libraries import in_one_line
from llm_eval.models.safetensors_header import tensor_shapes

_NAME = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])\.weight")


def check_fit(adapter: AdapterFiles, model: Any, base: str) -> None:
    """Compare every matrix of the adapter with the layer it belongs to.

    Raises:
        ConfigError: a layer is missing on either side, or has another width.
    """
    modules = dict(model.named_modules())
    adapted = set()
    for module, side, shape in _matrices(tensor_shapes(adapter.path / WEIGHTS, "train it again")):
        adapted.add(module)
        if module not in modules:
            raise _other(adapter, base, f"it has weights for {module}, which the base has not")
        name, axis = ("in_features", 1) if side == "A" else ("out_features", 0)
        width = getattr(modules[module], name, None)
        if width is not None and width != shape[axis]:
            raise _other(
                adapter, base, f"{module} is {width:,} wide, and the adapter {shape[axis]:,}"
            )
    for module in _targets(adapter.config, modules):
        if module not in adapted:
            raise _other(adapter, base, f"it has no weights for the base's {module}")


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


def _other(adapter: AdapterFiles, base: str, why: str) -> ConfigError:
    return ConfigError(f"{_misfit(adapter, base)}: {why}")


@contextmanager
def fitting(adapter: AdapterFiles, base: str) -> Iterator[None]:
    """Whatever a library says of an adapter that does not fit, as one line.

    Raises:
        ConfigError: in place of any exception raised inside.
    """
    try:
        yield
    except EvalError:
        raise
    except Exception as exc:
        raise ConfigError(f"{_misfit(adapter, base)}: {in_one_line(exc)}") from exc


def check_loaded(peft: Any, model: Any, adapter: AdapterFiles, base: str, name: str) -> None:
    """Refuse an adapter of which a part found no place, or left a place empty.

    Args:
        peft: the library.
        model: wrapped by it.
        adapter: what was loaded.
        base: names the model in messages.
        name: PEFT's name of the adapter.

    Raises:
        ConfigError: as said.
    """
    # Embeddings are left to PEFT: whether they are saved too, it decides by looking at the hub.
    found = peft.get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False)
    loaded, stored = _factors(found), _factors(_stored(adapter))
    for names, told in (
        (stored - loaded, "have no place in it"),
        (loaded - stored, "of its places stay empty"),
    ):
        if names:
            raise ConfigError(
                f"{_misfit(adapter, base)}: {len(names)} tensors {told}, {min(names)} for one"
            )


def load_adapter(
    peft: Any,
    model: Any,
    adapter: AdapterFiles,
    base: str,
    *,
    name: str = "default",
    trainable: bool = False,
) -> Any:
    """Put the first adapter on a model that has none yet.

    Args:
        peft: the library.
        model: as transformers loads it.
        adapter: its files.
        base: names the model in messages.
        name: PEFT's name of the adapter.
        trainable: whether it will be trained on.

    Returns:
        The model wrapped by PEFT.

    Raises:
        ConfigError: it does not fit; the model is as it was.
    """
    check_fit(adapter, model, base)
    with fitting(adapter, base):
        wrapped = peft.PeftModel.from_pretrained(
            model, str(adapter.path), adapter_name=name, is_trainable=trainable
        )
    try:
        check_loaded(peft, wrapped, adapter, base, name)
    except ConfigError:
        wrapped.unload()
        raise
    # The adapter names its base as people do; PEFT would look that name up on the hub.
    wrapped.peft_config[name].base_model_name_or_path = model.name_or_path
    return wrapped


def _misfit(adapter: AdapterFiles, base: str) -> str:
    return f"adapter {adapter.path} does not fit {base}; name the base it was trained on"


def _factors(names: Iterable[str]) -> set[str]:
    return {name for name in names if ".lora_" in name}


def _stored(adapter: AdapterFiles) -> set[str]:
    """Names of the file's tensors."""
    return set(tensor_shapes(adapter.path / WEIGHTS, "train it again"))
