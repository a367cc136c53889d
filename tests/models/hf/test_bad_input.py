"""What cannot be loaded or used is one line with a remedy."""

import asyncio
from pathlib import Path

import pytest

from llm_eval.errors import ConfigError
from llm_eval.models.hf.checkpoint import checkpoint
from llm_eval.models.hf_model import HFModel
from tests.models.hf.local_models import local


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


def test_an_unknown_argument_and_a_gpu_that_is_not_there_are_named(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="unknown argument 'dtyp'; did you mean 'dtype'"):
        HFModel("m", tiny, args={"dtyp": "float32"})
    with pytest.raises(ConfigError, match="device 'banana' is none: give auto, cpu"):
        _ = HFModel("m", tiny, args={"device": "banana"}).identity
    with pytest.raises(ConfigError, match="cuda:7"):
        _ = HFModel("m", tiny, args={"device": "cuda:7"}).identity


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
