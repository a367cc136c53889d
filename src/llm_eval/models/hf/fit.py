"""Does an adapter fit the model it was put on? PEFT leaves out what has no place, without a word.

An adapter of 30 layers loads on a model of 24: the six others are gone, and the replies are of
neither. So what was loaded is compared with what the file holds.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from llm_eval.errors import ConfigError, EvalError
from llm_eval.models.adapter_files import WEIGHTS, AdapterFiles
from llm_eval.models.hf.libraries import in_one_line
from llm_eval.models.safetensors_header import tensor_shapes


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


def _misfit(adapter: AdapterFiles, base: str) -> str:
    return f"adapter {adapter.path} does not fit {base}; name the base it was trained on"


def _factors(names: Iterable[str]) -> set[str]:
    return {name for name in names if ".lora_" in name}


def _stored(adapter: AdapterFiles) -> set[str]:
    """Names of the file's tensors."""
    return set(tensor_shapes(adapter.path / WEIGHTS, "train it again"))
