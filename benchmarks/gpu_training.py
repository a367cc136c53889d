"""QLoRA on a real card: the memory that was computed against what was taken, and the loss.

    python -m benchmarks.gpu_training [smollm2-135m]

A random model of Llama-3.2-3B's shape stands for the real one: memory and speed do not depend on
what the weights are. The tokenizer is that of the given checkpoint, whose ids the shape's larger
vocabulary covers.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from llm_eval.finetune.config import Recipe, load_recipe, overridden
from llm_eval.finetune.plan import TrainingPlan, prepare_training
from llm_eval.finetune.qlora_trainer import run

STEPS = 12
ROOT = Path(__file__).resolve().parents[1]


def main(tokenizer_of: str) -> None:
    import torch

    if not torch.cuda.is_available():
        sys.exit("there is no GPU here")
    print(f"# {torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    print("| base | setup | rows | expected GB | measured GB | tokens/s | loss |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        shaped = random_llama(Path(scratch) / "llama-3.2-3b-shape", tokenizer_of)
        llama = load_recipe(ROOT / "configs/train/llama32_3b_json.yaml")
        small = load_recipe(ROOT / "configs/train/smollm2_json.yaml")
        for name, recipe in recipes(llama, small, str(shaped), tokenizer_of):
            output = str(Path(scratch) / name)
            print(row(prepare_training(overridden(recipe, output=output))), flush=True)


def recipes(
    llama: Recipe, small: Recipe, shaped: str, tokenizer_of: str
) -> list[tuple[str, Recipe]]:
    """(name, recipe) of each row."""
    short = {"validate": None, "train.max_steps": STEPS, "train.accumulate": 1}
    llama = overridden(llama, base=shaped, **{"data.check_contamination": False, **short})
    full = overridden(llama, **{"data.slices": ("hard",), "data.limit": 48})
    small = overridden(small, base=tokenizer_of, **{"validate.every": None, "validate.limit": 16})
    return [
        ("qlora", full),
        ("qlora-plain", overridden(full, **{"train.gradient_checkpointing": False})),
        ("lora-bf16", overridden(full, **{"train.quantization": "none"})),
        ("small-4bit", small),
        ("small-bf16", overridden(small, **{"train.quantization": "none"})),
    ]


def row(plan: TrainingPlan) -> str:
    """Train, and tell what it took."""
    import torch

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    adapter = run(plan, say=lambda line: print(f"    {line}", file=sys.stderr), restart=True)
    lineage: dict[str, Any] = (adapter.manifest or {})["lineage"]
    losses = [loss for _, loss in lineage["curve"]["loss"]]
    rows = plan.recipe.train.batch * plan.recipe.train.accumulate
    tokens = plan.data.n_tokens / len(plan.data.examples) * rows * len(losses)
    checkpointed = ", checkpointed" if plan.setup.gradient_checkpointing else ""
    best = lineage["best"]
    found = f" (validation {best[1]:.3f})" if best else ""
    return (
        f"| {plan.base['name']} | {plan.setup.describe()}{checkpointed} | "
        f"{plan.recipe.train.batch} × {plan.data.longest} | {plan.memory.n_bytes / 1e9:.2f} | "
        f"{lineage['peak_memory_bytes'] / 1e9:.2f} | {tokens / lineage['seconds']:,.0f} | "
        f"{losses[0]:.2f} → {losses[-1]:.2f}{found} |"
    )


def random_llama(target: Path, tokenizer_of: str) -> Path:
    """A checkpoint of Llama-3.2-3B's shape with random weights, in bfloat16."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from llm_eval.models.hf.checkpoint import checkpoint

    tokenizer = AutoTokenizer.from_pretrained(str(checkpoint(tokenizer_of)))
    config = LlamaConfig(
        vocab_size=128_256,
        hidden_size=3072,
        intermediate_size=8192,
        num_hidden_layers=28,
        num_attention_heads=24,
        num_key_value_heads=8,
        head_dim=128,
        max_position_embeddings=131_072,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(str(target))
    tokenizer.save_pretrained(str(target))
    del model
    torch.cuda.empty_cache()
    return target


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "smollm2-135m")
