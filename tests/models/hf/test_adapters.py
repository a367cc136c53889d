"""Adapters on one base: never mixed, loaded once, refused where they do not belong."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from llm_eval.errors import ConfigError
from llm_eval.models.adapter_files import read_adapter
from llm_eval.models.hf import base as hf_base
from llm_eval.testing.tiny_model import make_tiny_model
from llm_eval.types import Sampling
from tests.models.hf.local_models import QUESTIONS, local, reference, replies


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
    assert one.identity["engine"].keys() - base.identity["engine"].keys() == {"peft"}


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
