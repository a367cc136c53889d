"""What is exported says what transformers says: the same tokens with the same probabilities."""

import json
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from llm_eval.errors import ConfigError
from llm_eval.finetune.export.adapter_export import export_adapter
from llm_eval.finetune.export.architectures import interleave, tensor_map
from llm_eval.finetune.export.gguf_model import Quantization
from llm_eval.finetune.export.whole import whole_directory, whole_file
from llm_eval.models.gguf_model import GGUFModel
from llm_eval.types import Message, Sampling
from tests.finetune.conftest import MakeAdapter

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch and peft, about their own insides

QUESTION = "Which country has the ISO code MD?"
N_TOKENS = 12


def by_transformers(
    base: Path, adapter: Path | None, question: str = QUESTION
) -> tuple[list[int], list[float]]:
    """Greedy tokens and their log-probabilities in float32."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
    turns = [{"role": "user", "content": question}]
    inputs = tokenizer.apply_chat_template(
        turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.no_grad():
        made = model.generate(
            **inputs,
            max_new_tokens=N_TOKENS,
            do_sample=False,
            output_scores=True,
            return_dict_in_generate=True,
        )
    new = made.sequences[0, inputs["input_ids"].shape[1] :]
    scores = [torch.log_softmax(row[0].float(), -1) for row in made.scores]
    return new.tolist(), [row[token].item() for row, token in zip(scores, new, strict=True)]


async def by_llama_cpp(
    file: Path, adapter: Path | None = None, question: str = QUESTION
) -> tuple[list[int], list[float]]:
    model = GGUFModel("m", file, adapter=adapter, args={"n_ctx": 256, "n_parallel": 1})
    await model.start()
    try:
        body = model._body((Message("user", question),), Sampling(max_tokens=N_TOKENS))
        reply = model._engine.handle_completions({**body, "n_probs": 1})
    finally:
        await model.aclose()
    told = reply["choices"][0]["logprobs"]["content"]
    return [token["id"] for token in told], [token["logprob"] for token in told]


def agree(ours: tuple[list[int], list[float]], theirs: tuple[list[int], list[float]]) -> None:
    """The same tokens; the engine leaves out those that end within a character."""
    expected = iter(zip(*theirs, strict=True))
    assert len(ours[0]) >= N_TOKENS / 3
    for token, logprob in zip(*ours, strict=True):
        same = next((value for known, value in expected if known == token), None)
        assert same == pytest.approx(logprob, abs=0.02), (ours, theirs)


@pytest.fixture
def adapter(plain_adapter: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(plain_adapter, tmp_path / "tuned"))


class TestTheSameReplies:
    async def test_the_base_itself_agrees(self, base: Path, base_gguf: Path) -> None:
        agree(await by_llama_cpp(base_gguf), by_transformers(base, None))

    async def test_a_gguf_adapter(
        self, base: Path, base_gguf: Path, adapter: Path, tmp_path: Path
    ) -> None:
        file = tmp_path / "a.gguf"
        done = export_adapter(adapter, "gguf-adapter", file, base=base)
        assert done.count == 2 * 7
        tuned = by_transformers(base, adapter)
        agree(await by_llama_cpp(base_gguf, file), tuned)
        assert tuned[0] != by_transformers(base, None)[0]  # else this shows nothing

    @pytest.mark.parametrize(
        "options",
        [
            {"use_rslora": True},
            {"rank_pattern": {"q_proj": 8}, "alpha_pattern": {"layers.1.mlp.up_proj": 3}},
        ],
        ids=["rslora", "patterns"],
    )
    async def test_adapters_whose_scale_is_their_own(
        self,
        options: dict[str, Any],
        base: Path,
        base_gguf: Path,
        make_adapter: MakeAdapter,
        tmp_path: Path,
    ) -> None:
        adapter, file = make_adapter(**options), tmp_path / "a.gguf"
        export_adapter(adapter, "gguf-adapter", file, base=base)
        agree(await by_llama_cpp(base_gguf, file), by_transformers(base, adapter))

    async def test_merged_and_as_one_file(
        self, base: Path, base_gguf: Path, adapter: Path, tmp_path: Path
    ) -> None:
        tuned = by_transformers(base, adapter)
        export_adapter(adapter, "merged", tmp_path / "merged", base=base)
        agree(by_transformers(tmp_path / "merged", None), tuned)
        file = tmp_path / "m.gguf"
        export_adapter(adapter, "gguf", file, base=base, like=base_gguf, quantization="f32")
        agree(await by_llama_cpp(file), tuned)

    def test_a_quantised_file_is_smaller_and_holds_the_same_weights(
        self, base: Path, base_gguf: Path, adapter: Path, tmp_path: Path
    ) -> None:
        import gguf
        import numpy as np

        kinds: tuple[Quantization, ...] = ("f32", "f16", "q8_0")
        files = {q: tmp_path / f"{q}.gguf" for q in kinds}
        sizes = []
        for quantization, file in files.items():
            done = export_adapter(
                adapter, "gguf", file, base=base, like=base_gguf, quantization=quantization
            )
            sizes.append(done.n_bytes)
        exact, half, eighth = sizes
        assert half < 0.65 * exact
        assert eighth < 0.45 * exact
        readers = {q: gguf.GGUFReader(file).tensors for q, file in files.items()}
        for kind, step in zip(kinds[1:], (1e-3, 1 / 127), strict=True):
            for true, stored in zip(readers["f32"], readers[kind], strict=True):
                values = gguf.quants.dequantize(stored.data, stored.tensor_type)
                assert np.abs(values - true.data).max() <= step * np.abs(true.data).max()


class TestRefusals:
    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("use_dora", True, "DoRA"),
            ("modules_to_save", ["lm_head"], "modules_to_save"),
            ("bias", "all", "trained biases"),
            ("peft_type", "IA3", "PEFT type 'IA3'"),
        ],
    )
    def test_what_a_gguf_adapter_cannot_hold(
        self, field: str, value: object, said: str, base: Path, adapter: Path, tmp_path: Path
    ) -> None:
        config = json.loads((adapter / "adapter_config.json").read_text())
        (adapter / "adapter_config.json").write_text(json.dumps({**config, field: value}))
        with pytest.raises(ConfigError, match=said) as caught:
            export_adapter(adapter, "gguf-adapter", tmp_path / "a.gguf", base=base)
        assert "--format merged" in str(caught.value)
        assert not (tmp_path / "a.gguf").exists()

    def test_a_family_that_is_not_known(self) -> None:
        with pytest.raises(ConfigError, match=r"'mamba'.*gemma.*llama.*--format merged"):
            tensor_map({"model_type": "mamba"}, "it")

    def test_a_gguf_file_of_another_base(
        self, base: Path, base_gguf: Path, adapter: Path, tmp_path: Path
    ) -> None:
        from gguf import GGUFReader

        other = tmp_path / "other.gguf"
        other.write_bytes(base_gguf.read_bytes())
        reader = GGUFReader(other, "r+")
        (norm,) = (t for t in reader.tensors if t.name == "output_norm.weight")
        norm.data[:] += 1
        reader.data.flush()
        with pytest.raises(ConfigError, match=r"another base .* model\.norm\.weight differs"):
            export_adapter(adapter, "gguf", tmp_path / "m.gguf", base=base, like=other)

    def test_a_gguf_model_needs_a_file_to_take_the_tokenizer_from(
        self, base: Path, adapter: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(ConfigError, match=r"--like FILE\.gguf, or .*gguf-adapter"):
            export_adapter(adapter, "gguf", tmp_path / "m.gguf", base=base)

    def test_a_base_that_is_gone(self, adapter: Path, tmp_path: Path) -> None:
        config = json.loads((adapter / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = "/gone"
        (adapter / "adapter_config.json").write_text(json.dumps(config))
        with pytest.raises(ConfigError, match=r"its base: .*/gone.*; or give --base"):
            export_adapter(adapter, "merged", tmp_path / "m")

    def test_an_adapter_of_another_shape(self, base: Path, adapter: Path, tmp_path: Path) -> None:
        from llm_eval.testing.tiny_model import make_tiny_model

        deeper = make_tiny_model(tmp_path / "deeper", layers=1)
        with pytest.raises(ConfigError, match=r"llama\.cpp knows no tensor model\.layers\.1"):
            export_adapter(adapter, "gguf-adapter", tmp_path / "a.gguf", base=deeper)

    def test_one_that_is_deeper_or_wider_than_the_base_is_never_merged_in_part(
        self, adapter: Path, tmp_path: Path
    ) -> None:
        from llm_eval.testing.tiny_model import make_tiny_model

        shallow = make_tiny_model(tmp_path / "shallow", layers=1)
        with pytest.raises(ConfigError, match=r"does not fit .*: 14 tensors have no place in it"):
            export_adapter(adapter, "merged", tmp_path / "m", base=shallow)
        config = json.loads((adapter / "adapter_config.json").read_text())
        (adapter / "adapter_config.json").write_text(json.dumps({**config, "r": 2}))
        with pytest.raises(ConfigError, match=r"does not fit .* size mismatch") as caught:
            export_adapter(adapter, "merged", tmp_path / "m", base=shallow)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "m").exists()

    def test_a_directory_that_is_there_is_not_overwritten(
        self, base: Path, adapter: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "mine").mkdir()
        with pytest.raises(ConfigError, match="is there already"):
            export_adapter(adapter, "merged", tmp_path / "mine", base=base)


class TestWholeOrNotThere:
    def test_a_failure_leaves_the_older_file_and_no_rubbish(self, tmp_path: Path) -> None:
        target = tmp_path / "a.gguf"
        target.write_text("older")
        with pytest.raises(ZeroDivisionError):
            fail_in(whole_file(target), ZeroDivisionError())
        assert target.read_text() == "older"
        assert list(tmp_path.iterdir()) == [target]

    def test_a_full_disk_is_one_line(self, tmp_path: Path) -> None:
        full = OSError(28, "No space left on device")
        with pytest.raises(ConfigError, match="No space left"):
            fail_in(whole_directory(tmp_path / "m"), full)
        assert list(tmp_path.iterdir()) == []


def fail_in(making: AbstractContextManager[Path], error: Exception) -> None:
    with making as path:
        (path / "half" if path.is_dir() else path).write_text("x")
        raise error


def test_rows_are_interleaved_within_each_head() -> None:
    import numpy as np

    rows = np.arange(12, dtype=np.float32).reshape(12, 1)
    assert interleave(rows, 2).ravel().tolist() == [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]


@pytest.mark.parametrize("model_type", ["llama", "mistral", "qwen2", "qwen3", "gemma3_text"])
def test_every_linear_layer_of_a_known_family_has_a_name(model_type: str) -> None:
    config = {"model_type": model_type, "num_attention_heads": 4, "num_hidden_layers": 2}
    tensors = tensor_map(config, "m")
    layer = "model.layers.1"
    attention = [tensors.name(f"{layer}.self_attn.{m}_proj.weight") for m in "qkvo"]
    assert attention == [f"blk.1.attn_{m}.weight" for m in ("q", "k", "v", "output")]
    mlp = [tensors.name(f"{layer}.mlp.{m}_proj.weight") for m in ("gate", "up", "down")]
    assert mlp == [f"blk.1.ffn_{m}.weight" for m in ("gate", "up", "down")]
