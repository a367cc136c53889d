"""A real vLLM says what transformers says, for a base and for an adapter on it, and then is gone.

    LLM_EVAL_VLLM=…/bin/vllm python -m pytest -m soak tests/soak/test_real_vllm.py

docs/serving.md tells how one is installed on a machine without a GPU.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from llm_eval.config import parse_spec
from llm_eval.models.base import BaseModel
from llm_eval.models.hf.checkpoint import checkpoint
from llm_eval.models.hf_model import HFModel
from llm_eval.models.served_model import ServedModel
from llm_eval.types import Message, Sampling
from tests.finetune.conftest import write_adapter
from tests.serving.conftest import kept

pytestmark = [
    pytest.mark.soak,
    pytest.mark.filterwarnings("ignore"),  # of torch and peft, about their own insides
    pytest.mark.skipif("LLM_EVAL_VLLM" not in os.environ, reason="LLM_EVAL_VLLM names no vllm"),
]

QUESTIONS = ("What is the capital of France?", "Name three colours.", "Write one line on rivers.")
OPTIONS = {
    "dtype": "float32",
    "max_model_len": 512,
    "enforce_eager": True,
    "gpu_memory_utilization": 0.2,
}


async def replies(model: BaseModel) -> list[str]:
    await model.start()
    try:
        asked = [(Message("user", question),) for question in QUESTIONS]
        return [(await model.generate(turns, Sampling(max_tokens=16))).text for turns in asked]
    finally:
        await model.aclose()


async def test_it_says_what_transformers_says(tmp_path: Path) -> None:
    base = checkpoint("smollm2-135m")
    adapter = write_adapter(base, tmp_path / "tuned", std=0.1)
    specs = [parse_spec(f"vllm/smollm2-135m{end}", {}) for end in ("", f":{adapter}")]
    served = [ServedModel.from_spec(replace(spec, args=OPTIONS)) for spec in specs]
    await served[0].start()
    try:
        assert served[0].identity["engine"] is not None
        for model, own in zip(served, (None, adapter), strict=True):
            here = HFModel("here", base, adapter=own, args={"dtype": "float32"})
            assert await replies(model) == await replies(here)
    finally:
        await served[0].aclose()
    assert kept(os.getpid()) == set()
