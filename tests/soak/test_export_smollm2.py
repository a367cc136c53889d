"""A trained adapter of the embedded model says the same in llama.cpp as in transformers.

The GGUF adapter runs on the Q4_1 file whose weights the checkpoint has, the whole models in
float32 and q8_0. llama.cpp rounds activations to 8 bits where weights are quantised, so only the
float32 file can agree in every digit.
"""

from pathlib import Path
from typing import Any

import pytest

from llm_eval.finetune.export.adapter_export import export_adapter
from llm_eval.models import embedded
from llm_eval.models.hf.checkpoint import checkpoint
from tests.finetune.test_export import by_llama_cpp, by_transformers

pytestmark = [
    pytest.mark.soak,
    pytest.mark.filterwarnings("ignore"),  # of torch and peft, about their own insides
]

QUESTIONS = (
    "Ann, 31, lives in Cork. Give name, age and city as JSON.",
    "Ben, 52, lives in Oslo. Give name, age and city as JSON.",
    "What is the capital of France?",
    "Name three colours.",
)
N_STEPS = 12


def train(base: Path, target: Path) -> Path:
    """A few steps of plain PEFT: enough to change what it says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model: Any = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    people = [("Ann", 31, "Cork"), ("Eve", 40, "Rome"), ("Tom", 7, "Bern"), ("Ida", 66, "Lyon")]
    for step in range(N_STEPS):
        name, age, city = people[step % len(people)]
        asked = f"{name}, {age}, lives in {city}. Give name, age and city as JSON."
        answer = f'{{"name": "{name}", "age": {age}, "city": "{city}"}}'
        turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        ids = tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True)
        model(**ids, labels=ids["input_ids"]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(str(target))
    return target


def shared(ours: tuple[list[int], list[float]], theirs: tuple[list[int], list[float]]) -> Any:
    """How many tokens are the same from the start, and the largest difference in nats there."""
    pairs = list(zip(ours[0], theirs[0], strict=False))
    n = next((place for place, (a, b) in enumerate(pairs) if a != b), len(pairs))
    gaps = (abs(a - b) for a, b in zip(ours[1][:n], theirs[1][:n], strict=True))
    return n, len(pairs), max(gaps, default=0.0)


async def test_all_three_formats_agree(tmp_path: Path, record_property: Any) -> None:
    base, q4 = checkpoint("smollm2-135m"), embedded.fetch("smollm2-135m")
    adapter = train(base, tmp_path / "tuned")
    lora, whole, small = (tmp_path / f"{name}.gguf" for name in ("lora", "f32", "q8_0"))
    export_adapter(adapter, "gguf-adapter", lora, base=base)
    export_adapter(adapter, "gguf", whole, base=base, quantization="f32")
    export_adapter(adapter, "gguf", small, base=base, quantization="q8_0")
    changed = 0
    for question in QUESTIONS:
        plain = by_transformers(base, None, question)
        tuned = by_transformers(base, adapter, question)
        changed += plain[0] != tuned[0]
        found = {
            "Q4_1 alone": shared(await by_llama_cpp(q4, None, question), plain),
            "Q4_1 + adapter": shared(await by_llama_cpp(q4, lora, question), tuned),
            "f32": shared(await by_llama_cpp(whole, None, question), tuned),
            "q8_0": shared(await by_llama_cpp(small, None, question), tuned),
        }
        record_property(question, found)
        print(question, found)  # noqa: T201 - for whoever measures: pytest -s
        n, of, gap = found["f32"]
        assert (n, gap) == (of, pytest.approx(0, abs=0.02))
        assert found["Q4_1 + adapter"][2] < 0.4
        assert found["q8_0"][2] < 0.4
    assert changed >= 2
