"""Base and adapter as one checkpoint: what every program that reads safetensors can load."""

from pathlib import Path
from typing import Any

from llm_eval.finetune.export.whole import whole_directory
from llm_eval.models.adapter_files import AdapterFiles
from llm_eval.models.hf.base import load_tokenizer
from llm_eval.models.hf.checkpoint import read_json
from llm_eval.models.hf.fit import check_loaded, fitting
from llm_eval.models.hf.libraries import libraries, library


def export_merged(adapter: AdapterFiles, base: Path, output: Path) -> int:
    """Write base plus adapter into the new directory `output`; the number of parameters.

    The sum is made in float32 and stored in the type that the base is stored in.

    Raises:
        ConfigError: the adapter does not fit the base, or the directory cannot be written.
    """
    torch, transformers = libraries()
    peft = library("peft")
    with whole_directory(output) as made:
        with fitting(adapter, str(base)):
            model = transformers.AutoModelForCausalLM.from_pretrained(
                base,
                dtype=torch.float32,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
            tuned = peft.PeftModel.from_pretrained(model, str(adapter.path))
            check_loaded(peft, tuned, adapter, str(base), "default")
            merged = tuned.merge_and_unload(safe_merge=True)
        merged.to(_stored_type(torch, base))
        n_parameters: int = sum(weights.numel() for weights in merged.parameters())
        merged.save_pretrained(str(made), safe_serialization=True)
        load_tokenizer(base).save_pretrained(str(made))
    return n_parameters


def _stored_type(torch: Any, base: Path) -> Any:
    config = read_json(base / "config.json")
    named = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    found = getattr(torch, named, None)
    return found if isinstance(found, torch.dtype) else torch.float32
