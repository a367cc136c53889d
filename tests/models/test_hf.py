"""Local checkpoints, on a model of two layers: what batching, sharing and adapters must not change.

The yardstick is transformers' own `generate`, one prompt at a time.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.models.adapter_files import read_adapter
from llm_eval.models.hf import base as hf_base
from llm_eval.models.hf.checkpoint import checkpoint
from llm_eval.models.hf.decoding import Row, by_length, common_prefix
from llm_eval.models.hf_model import HFModel
from llm_eval.testing import ModelContract
from llm_eval.testing.tiny_model import make_tiny_model
from llm_eval.types import Message, ModelResponse, Prompt, Sampling

SYSTEM = Message("system", "Answer with one word, and nothing but that one word, please.")


def ask(text: str) -> Prompt:
    return (SYSTEM, Message("user", text))


def local(path: Path, adapter: Path | None = None) -> HFModel:
    """In float32: with fewer bits, which of two near tokens is chosen depends on the batch."""
    return HFModel(f"hf/{path.name}", path, adapter=adapter, args={"dtype": "float32"})


QUESTIONS = [ask("x" * n + " what?") for n in (1, 40, 7, 90, 3, 25)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "other", seed=1)


@pytest.fixture(scope="module")
def adapters(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("adapters")
    return tuple(make_adapter(tiny, directory / f"a{n}", seed=n) for n in (1, 2))  # type: ignore[return-value]


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


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    hf_base.forget_unused()


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


class TestHFModelKeepsTheContract(ModelContract):
    @pytest.fixture
    def model(self, tiny: Path) -> HFModel:
        return local(tiny)


async def test_a_batch_of_different_lengths_writes_what_each_prompt_gets_alone(tiny: Path) -> None:
    model = local(tiny)
    found = await replies(model, QUESTIONS, Sampling(max_tokens=12))
    await model.aclose()
    assert found == [reference(tiny, prompt, 12) for prompt in QUESTIONS]


async def test_bases_and_adapters_asked_at_once_never_mix(
    tiny: Path, other: Path, adapters: tuple[Path, Path]
) -> None:
    models = [
        local(tiny),
        local(tiny, adapter=adapters[0]),
        local(tiny, adapter=adapters[1]),
        local(other),
    ]
    prompts = QUESTIONS[:3]
    found = await asyncio.gather(*(replies(m, prompts, Sampling(max_tokens=8)) for m in models))
    for model in models:
        await model.aclose()
    expected = [
        [reference(path, prompt, 8, adapter) for prompt in prompts]
        for path, adapter in ((tiny, None), (tiny, adapters[0]), (tiny, adapters[1]), (other, None))
    ]
    assert found == expected
    assert len({tuple(texts) for texts in found}) == 4


async def test_adapters_on_one_base_cost_one_load(
    tiny: Path, adapters: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Path] = []
    real = hf_base._load

    def load(path: Path, *arguments: Any) -> Any:
        loads.append(path)
        return real(path, *arguments)

    monkeypatch.setattr(hf_base, "_load", load)
    models = [local(tiny, adapter=a) for a in adapters] + [local(tiny)]
    for model in models:
        await model.start()
    for model in models:
        await model.aclose()
    assert loads == [tiny]


async def test_a_seed_decides_a_drawn_reply_whatever_else_is_in_the_batch(tiny: Path) -> None:
    model = local(tiny)
    drawn = Sampling(temperature=1.0, max_tokens=10, seed=7)
    [alone] = await replies(model, QUESTIONS[:1], drawn)
    together = await replies(model, QUESTIONS, drawn)
    again = await model.generate(QUESTIONS[0], drawn, repeat=1)
    await model.aclose()
    assert together[0] == alone
    assert again.text != alone


async def test_a_stop_string_ends_the_reply_before_it(tiny: Path) -> None:
    model = local(tiny)
    whole = await model.generate(QUESTIONS[0], Sampling(max_tokens=12))
    stop = whole.text[3:5]
    cut = await model.generate(QUESTIONS[0], Sampling(max_tokens=12, stop=(stop,)))
    await model.aclose()
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason == "stop"


async def test_tokens_are_counted_without_padding(tiny: Path) -> None:
    model = local(tiny)
    answers = await asyncio.gather(*(model.generate(p, Sampling(max_tokens=4)) for p in QUESTIONS))
    await model.aclose()
    counts = [answer.usage.prompt_tokens for answer in answers]
    assert len(set(counts)) == len(QUESTIONS)
    assert all(answer.usage.completion_tokens <= 4 for answer in answers)


async def test_a_batch_that_does_not_fit_the_memory_is_halved_and_loses_nothing(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    model = local(tiny)
    await model.start()
    queue = model._queue
    assert queue is not None
    real, sizes = queue.decoder.write, []

    def write(rows: Any, adapter: Any) -> None:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("injected")
        real(rows, adapter)

    monkeypatch.setattr(queue.decoder, "write", write)
    found = await replies(model, QUESTIONS, Sampling(max_tokens=6))
    assert found == [reference(tiny, prompt, 6) for prompt in QUESTIONS]
    assert queue.max_rows <= 2
    sizes.clear()
    await replies(model, QUESTIONS, Sampling(max_tokens=2))
    assert max(sizes) <= 2
    await model.aclose()


async def test_what_did_not_fit_is_freed_before_its_halves_are_tried(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a device that is full, a traceback that holds the batch's tensors fails the halves too."""
    import weakref

    import torch

    model = local(tiny)
    await model.start()
    queue = model._queue
    assert queue is not None
    real = queue.decoder.write
    held: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def write(rows: Any, adapter: Any) -> None:
        alive.append(sum(one() is not None for one in held))
        big = torch.zeros(8)
        held.append(weakref.ref(big))
        if len(rows) > 1:
            raise torch.OutOfMemoryError("injected")
        real(rows, adapter)

    monkeypatch.setattr(queue.decoder, "write", write)
    await replies(model, QUESTIONS[:4], Sampling(max_tokens=2))
    await model.aclose()
    assert len(alive) > 4
    assert not any(alive)


async def test_memory_that_runs_out_on_the_cpu_is_known_by_its_words(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For real: more bytes than any machine has."""
    import torch

    model = local(tiny)
    await model.start()
    queue = model._queue
    assert queue is not None
    real = queue.decoder.write

    def write(rows: Any, adapter: Any) -> None:
        if len(rows) > 2 or len(rows[0].prompt) > 200:
            torch.empty(1 << 55, dtype=torch.uint8)
        real(rows, adapter)

    monkeypatch.setattr(queue.decoder, "write", write)
    found = await asyncio.gather(
        *(model.generate(p, Sampling(max_tokens=3)) for p in [*QUESTIONS, ask("é" * 300)]),
        return_exceptions=True,
    )
    await model.aclose()
    assert [type(one) for one in found] == [ModelResponse] * len(QUESTIONS) + [ProviderError]
    assert "do not fit the device's memory, even alone" in str(found[-1])


async def test_the_event_loop_is_free_while_a_reply_is_written(tiny: Path) -> None:
    model = local(tiny)
    await model.start()
    task = asyncio.create_task(model.generate(QUESTIONS[0], Sampling(max_tokens=100)))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.001)
        turns += 1
    await model.aclose()
    assert turns > 5


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [
        ([[1, 2, 3], [1, 2, 4]], (1, 2)),
        ([[1, 2], [1, 2]], (1,)),
        ([[1], [2, 3]], ()),
    ],
)
def test_a_shared_prefix_leaves_every_prompt_a_token_of_its_own(
    prompts: list[list[int]], shared: tuple[int, ...]
) -> None:
    assert common_prefix(prompts) == shared


def test_what_is_no_checkpoint_is_refused_with_a_remedy(tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(ConfigError, match="is not there; give the directory"):
        checkpoint(tmp_path / "nothing")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="no weights; convert them"):
        checkpoint(tmp_path)
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ConfigError, match="only pickled weights"):
        checkpoint(tmp_path)
    (tmp_path / "config.json").write_text('{"auto_map": {"AutoModel": "evil.Model"}}')
    with pytest.raises(ConfigError, match="code of its own"):
        checkpoint(tmp_path)


def test_a_checkpoint_that_is_not_whole_is_told_before_anything_is_loaded(
    tiny: Path, tmp_path: Path
) -> None:
    import json
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    weights = copy / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-9])
    with pytest.raises(ConfigError, match=r"is not whole: .* bytes; fetch it again"):
        checkpoint(copy)
    weights.write_bytes(b"x" * 50)
    with pytest.raises(ConfigError, match="no safetensors file, or only a part of one"):
        checkpoint(copy)
    weights.write_bytes(whole)
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ConfigError, match=r"model-2\.safetensors is missing, which model"):
        checkpoint(copy)
    (copy / "model.safetensors.index.json").unlink()
    (copy / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"no tokenizer .*; save it beside the weights"):
        checkpoint(copy)


def test_what_a_library_says_of_a_model_is_cut_to_one_line(tiny: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    config = copy / "config.json"
    config.write_text(config.read_text().replace('"llama"', '"nosuch"'))
    with pytest.raises(ConfigError, match=r"cannot be loaded: .*`nosuch`") as caught:
        asyncio.run(local(copy).start())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_adapter_that_is_not_whole_is_never_loaded(
    tmp_path: Path, adapters: tuple[Path, Path]
) -> None:
    import shutil

    with pytest.raises(ConfigError, match="is not there; name the directory"):
        read_adapter(tmp_path / "nothing")
    copy = tmp_path / "copy"
    shutil.copytree(adapters[0], copy)
    weights = copy / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    with pytest.raises(ConfigError, match="is not whole"):
        read_adapter(copy)
    weights.write_bytes(whole[:20])
    with pytest.raises(ConfigError, match="only a part of one"):
        read_adapter(copy)
    weights.unlink()
    with pytest.raises(ConfigError, match="it is not whole; train it again"):
        read_adapter(copy)


def test_an_adapter_whose_files_changed_is_another_model(
    tiny: Path, tmp_path: Path, adapters: tuple[Path, Path]
) -> None:
    one, two = (local(tiny, adapter=path) for path in adapters)
    base = local(tiny)
    assert len({model.fingerprint for model in (one, two, base)}) == 3


def test_an_adapter_of_another_base_is_refused(
    tiny: Path, other: Path, tmp_path: Path, adapters: tuple[Path, Path]
) -> None:
    import json
    import shutil

    from llm_eval.models.file_digests import file_sha256

    copy = tmp_path / "adapter"
    shutil.copytree(adapters[0], copy)
    names = ("adapter_config.json", "adapter_model.safetensors")
    manifest = {
        "format": 1,
        "base": {"name": "tiny", "digest": hf_base.base_digest(tiny)},
        "files": {name: file_sha256(copy / name) for name in names},
    }
    (copy / "llm_eval_adapter.json").write_text(json.dumps(manifest))
    assert local(tiny, adapter=copy).identity["adapter"]
    with pytest.raises(ConfigError, match="was trained on 'tiny'"):
        local(other, adapter=copy)
    manifest["files"] = dict.fromkeys(names, "0" * 64)
    (copy / "llm_eval_adapter.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="is not the file that training wrote"):
        local(tiny, adapter=copy)


@pytest.mark.parametrize(
    ("layers", "said"),
    [(3, r"no weights for the base's model\.layers\.2"), (1, r"weights for model\.layers\.1")],
)
async def test_an_adapter_that_says_nothing_of_its_base_is_held_against_its_layers(
    adapters: tuple[Path, Path], tmp_path: Path, layers: int, said: str
) -> None:
    """PEFT alone would load it, or fail half-way and leave its layers in the base."""
    base = make_tiny_model(tmp_path / "base", layers=layers)
    model = local(base, adapter=naming_kinds_of_layers(adapters[0], tmp_path / "adapter"))
    with pytest.raises(
        ConfigError, match=f"does not fit .*; name the base it was trained on: .*{said}"
    ):
        await model.start()
    alone = local(base)
    assert await replies(alone, QUESTIONS[:1], Sampling(max_tokens=4)) == [
        reference(base, QUESTIONS[0], 4)
    ]
    await alone.aclose()


def naming_kinds_of_layers(adapter: Path, target: Path) -> Path:
    """A copy that targets q_proj, … as most adapters do, and not each layer by its path."""
    import json
    import shutil

    shutil.copytree(adapter, target)
    config = json.loads((target / "adapter_config.json").read_text())
    config["target_modules"] = sorted({n.rpartition(".")[2] for n in config["target_modules"]})
    (target / "adapter_config.json").write_text(json.dumps(config))
    return target


def test_an_adapter_of_another_width_is_refused(
    tiny: Path, adapters: tuple[Path, Path], tmp_path: Path
) -> None:
    import shutil

    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(str(tiny))
    config.hidden_size, config.head_dim = 32, 8
    AutoModelForCausalLM.from_config(config).save_pretrained(str(tmp_path / "narrow"))
    for file in tiny.glob("*token*"):
        shutil.copy(file, tmp_path / "narrow")
    with pytest.raises(ConfigError, match="is 32 wide, and the adapter 64"):
        asyncio.run(local(tmp_path / "narrow", adapter=adapters[0]).start())


def test_an_unknown_argument_and_a_gpu_that_is_not_there_are_named(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="unknown argument 'dtyp'; did you mean 'dtype'"):
        HFModel("m", tiny, args={"dtyp": "float32"})
    with pytest.raises(ConfigError, match="device 'banana' is none: give auto, cpu"):
        _ = HFModel("m", tiny, args={"device": "banana"}).identity
    with pytest.raises(ConfigError, match="cuda:7"):
        _ = HFModel("m", tiny, args={"device": "cuda:7"}).identity


SCHEMA = {
    "type": "object",
    "properties": {"name": {"enum": ["Ana", "Bo"]}, "n": {"type": "integer", "maximum": 99}},
    "required": ["name", "n"],
    "additionalProperties": False,
}


async def test_a_reply_held_to_a_schema_fits_it_and_leaves_the_others_of_its_batch_alone(
    tiny: Path,
) -> None:
    import json

    model = local(tiny)
    free, held = Sampling(max_tokens=12), Sampling(max_tokens=60, json_schema=SCHEMA)
    drawn = Sampling(max_tokens=60, json_schema=SCHEMA, temperature=1.0, seed=3)
    asked = [(QUESTIONS[0], free), (QUESTIONS[1], held), (QUESTIONS[2], drawn)]
    replies = await asyncio.gather(*(model.generate(p, s) for p, s in asked))
    await model.aclose()
    assert replies[0].text == reference(tiny, QUESTIONS[0], 12)
    for reply in replies[1:]:
        value = json.loads(reply.text)
        assert value["name"] in ("Ana", "Bo")
        assert isinstance(value["n"], int)
        assert value.keys() == {"name", "n"}
        assert reply.finish_reason == "stop"


async def test_a_schema_that_no_grammar_can_hold_to_is_named_and_spoils_no_batch(
    tiny: Path,
) -> None:
    model = local(tiny)
    bad = Sampling(max_tokens=4, json_schema={"type": "string", "format": "no-such-format"})
    good = Sampling(max_tokens=4)
    found = await asyncio.gather(
        model.generate(QUESTIONS[0], bad),
        model.generate(QUESTIONS[1], good),
        return_exceptions=True,
    )
    await model.aclose()
    assert isinstance(found[0], ProviderError)
    assert "can be held to this JSON Schema" in str(found[0])
    assert isinstance(found[1], ModelResponse)


REFUSES_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
    "[{{ m.content }}]{% endfor %}"
)


@pytest.mark.parametrize(
    "template",
    [REFUSES_SYSTEM, "{% for m in messages if m.role == 'user' %}[{{ m.content }}]{% endfor %}"],
    ids=["refuses it", "drops it"],
)
async def test_a_system_message_moves_where_the_template_takes_none(
    tiny: Path, tmp_path: Path, template: str
) -> None:
    model = local(templated(tiny, tmp_path / "m", template))
    await model.start()
    assert model._base is not None
    tokens = model._tokens(model._base, ask("b"))
    text = model._base.tokenizer.decode(tokens)
    await model.aclose()
    assert text == f"[{SYSTEM.content}\n\nb]"


async def test_a_model_without_a_chat_template_reads_the_text_as_it_is_and_says_so(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = local(templated(tiny, tmp_path / "m", None))
    await model.start()
    assert model._base is not None
    tokens = model._tokens(model._base, ask("b"))
    model._tokens(model._base, ask("c"))
    text = model._base.tokenizer.decode(tokens)
    await model.aclose()
    assert text == f"{SYSTEM.content}\n\nb"
    told = [r.getMessage() for r in caplog.records if "no chat template" in r.getMessage()]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("written", "text", "reasoning"),
    [
        ("<think>\nhm\n</think>\n\n42", "42", "hm"),
        ("hm </think> 42", "42", "hm"),
        ("42", "42", None),
        ("<think>hm, and it never", "", "hm, and it never"),
    ],
)
def test_reasoning_is_no_part_of_the_answer(
    tiny: Path, written: str, text: str, reasoning: str | None
) -> None:
    row = Row([1], Sampling(), 0, 9, tokens=[1, 2], text=written, finish_reason="stop")
    reply = local(tiny)._response(row, 0.1)
    assert (reply.text, reply.reasoning) == (text, reasoning)


def templated(model: Path, target: Path, template: str | None) -> Path:
    """A copy of the model with another chat template."""
    import shutil

    shutil.copytree(model, target)
    (target / "chat_template.jinja").unlink()
    if template is not None:
        (target / "chat_template.jinja").write_text(template)
    return target


def run_cli(*arguments: str) -> tuple[int, str]:
    import contextlib
    import io

    from llm_eval.cli.main import main

    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        code = main(list(arguments))
    return code, errors.getvalue()


def test_the_command_line_names_a_missing_adapter_and_a_missing_directory_in_one_line(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for spec, said in (
        (f"hf/{tiny}:nowhere", "adapter nowhere is not there; name the directory"),
        ("hf/nowhere", "model directory nowhere is not there; give the directory"),
    ):
        code, errors = run_cli("run", "qa", "--model", spec, "--limit", "1")
        assert code == 2
        assert said in " ".join(errors.split())
        assert "Traceback" not in errors


def test_quantisation_without_bitsandbytes_names_what_to_install(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    model = HFModel("m", tiny, args={"quantization": "4bit"})
    with pytest.raises(ConfigError, match=r"bitsandbytes is missing: pip install"):
        asyncio.run(model.start())


@pytest.mark.parametrize("lengths", [[5], [100, 99, 98], [400, 12, 11, 390, 60, 1]])
def test_prompts_are_read_in_groups_with_little_padding(lengths: list[int]) -> None:
    rows = [Row([0] * (7 + n), Sampling(), 0, 1) for n in lengths]
    groups = by_length(rows, 7)
    assert sorted(id(row) for group in groups for row in group) == sorted(map(id, rows))
    for group in groups:
        own = [len(row.prompt) - 7 for row in group]
        assert sum(own) >= 0.9 * max(own) * len(own)


async def test_padding_is_less_than_a_tenth_of_what_is_computed(tiny: Path) -> None:
    model = local(tiny)
    await replies(model, [ask("x" * n) for n in range(0, 300, 9)], Sampling(max_tokens=4))
    done = model.throughput
    await model.aclose()
    assert done is not None
    assert 0 < done.padding_share <= 0.1
    assert 0 < done.written_tokens <= 4 * 34
    assert done.tokens_per_s > 0


async def test_log_probabilities_are_those_of_a_plain_pass(tiny: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = local(tiny)
    reply = await model.generate(QUESTIONS[0], Sampling(max_tokens=5, top_logprobs=3))
    assert model._base is not None
    tokenizer, prompt = model._base.tokenizer, model._tokens(model._base, QUESTIONS[0])
    await model.aclose()
    plain: Any = AutoModelForCausalLM.from_pretrained(str(tiny))
    tokens = list(prompt)
    for given in reply.logprobs:
        with torch.no_grad():
            shares = plain(torch.tensor([tokens])).logits[0, -1].log_softmax(-1)
        best = shares.topk(3)
        assert given.token == tokenizer.decode([int(best.indices[0])])
        assert given.logprob == pytest.approx(float(best.values[0]), abs=1e-3)
        assert [value for _, value in given.top] == pytest.approx(best.values.tolist(), abs=1e-3)
        tokens.append(int(best.indices[0]))
    assert len(reply.logprobs) == reply.usage.completion_tokens


async def test_a_small_top_p_leaves_only_the_likeliest_token(tiny: Path) -> None:
    model = local(tiny)
    greedy = await model.generate(QUESTIONS[0], Sampling(max_tokens=10))
    drawn = await model.generate(
        QUESTIONS[0], Sampling(max_tokens=10, temperature=1.5, top_p=1e-6, seed=1)
    )
    await model.aclose()
    assert drawn.text == greedy.text


async def test_who_stops_waiting_leaves_the_others_their_replies(tiny: Path) -> None:
    model = local(tiny)
    await model.start()
    sampling = Sampling(max_tokens=8)
    tasks = [asyncio.create_task(model.generate(p, sampling)) for p in QUESTIONS]
    await asyncio.sleep(0)
    tasks[1].cancel()
    tasks[3].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    later = await model.generate(QUESTIONS[1], sampling)
    await model.aclose()
    for number, (answer, prompt) in enumerate(zip(found, QUESTIONS, strict=True)):
        if number in (1, 3):
            assert isinstance(answer, asyncio.CancelledError)
        else:
            assert isinstance(answer, ModelResponse)
            assert answer.text == reference(tiny, prompt, 8)
    assert later.text == reference(tiny, QUESTIONS[1], 8)


async def test_a_prompt_longer_than_the_model_reads_fails_by_itself(tiny: Path) -> None:
    model = local(tiny)
    long = (Message("user", "z" * 9000),)
    found = await asyncio.gather(
        model.generate(long, Sampling(max_tokens=4)),
        model.generate(QUESTIONS[0], Sampling(max_tokens=4)),
        return_exceptions=True,
    )
    await model.aclose()
    assert isinstance(found[0], ProviderError)
    assert "and the model reads 2,048" in str(found[0])
    assert isinstance(found[1], ModelResponse)
