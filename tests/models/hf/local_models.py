"""Tiny local models asked through the harness, and the yardstick: transformers alone."""

import asyncio
from pathlib import Path
from typing import Any

from llm_eval.models.hf_model import HFModel
from llm_eval.types import Message, Prompt, Sampling

SYSTEM = Message("system", "Answer with one word, and nothing but that one word, please.")


def ask(text: str) -> Prompt:
    return (SYSTEM, Message("user", text))


def local(path: Path, adapter: Path | None = None) -> HFModel:
    """In float32: with fewer bits, which of two near tokens is chosen depends on the batch."""
    return HFModel(f"hf/{path.name}", path, adapter=adapter, args={"dtype": "float32"})


QUESTIONS = [ask("x" * n + " what?") for n in (1, 40, 7, 90, 3, 25)]


def make_adapter(base: Path, target: Path, seed: int) -> Path:
    """A LoRA adapter with random weights, large enough to change every reply."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(str(base))
    config = LoraConfig(
        r=4,
        lora_alpha=16,
        target_modules="all-linear",
        init_lora_weights=False,
        task_type="CAUSAL_LM",
    )
    get_peft_model(model, config).save_pretrained(str(target))
    return target


async def replies(model: HFModel, prompts: list[Prompt], sampling: Sampling) -> list[str]:
    answers = await asyncio.gather(*(model.generate(p, sampling) for p in prompts))
    return [answer.text for answer in answers]


def reference(path: Path, prompt: Prompt, n: int, adapter: Path | None = None) -> str:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(path))
    model: Any = AutoModelForCausalLM.from_pretrained(str(path))
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
    turns = [{"role": m.role, "content": m.content} for m in prompt]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=n, do_sample=False)
    return str(tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))
