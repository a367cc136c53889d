"""Which model a SPEC means, and what is said about a mistake in models.yaml."""

from pathlib import Path
from typing import Any

import pytest

from llm_eval import registry
from llm_eval.config import load_models, parse_spec
from llm_eval.errors import ConfigError
from llm_eval.models.build import build_model
from llm_eval.specs import Limits, ModelSpec, Price

MODELS = {"fast": ModelSpec(name="fast", provider="openai", model="gpt-4o-mini")}


@pytest.fixture(autouse=True)
def every_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the providers whose packages may be missing here."""
    known = {"hf": "x:X", "vllm": "x:X"} | dict(registry.BUILT_IN["providers"])
    monkeypatch.setattr(registry, "BUILT_IN", {**registry.BUILT_IN, "providers": known})


def models(folder: Path, text: str) -> dict[str, ModelSpec]:
    file = folder / "models.yaml"
    file.write_text(text)
    return load_models(file)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        models(folder, text)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{folder}/", "")


def test_a_whole_entry_is_read(tmp_path: Path) -> None:
    found = models(
        tmp_path,
        """
models:
  fast:
    provider: openai
    model: m
    base_url: http://127.0.0.1:8000/v1
    api: completions
    headers: {x-team: eval}
    args: {extra: [1]}
    sampling: {temperature: 1, stop: [END]}
    capabilities: {seed: false}
    limits: {concurrency: 4, requests_per_minute: 60}
    price: {input: 0.15, output: 0.6}
""",
    )["fast"]
    assert (found.name, found.provider, found.model, found.api) == (
        "fast",
        "openai",
        "m",
        "completions",
    )
    assert found.base_url == "http://127.0.0.1:8000/v1"
    assert found.api_key_env == "OPENAI_API_KEY"
    assert found.sampling == {"temperature": 1, "stop": ["END"]}
    assert not found.capabilities.seed
    assert found.limits == Limits(concurrency=4, requests_per_minute=60.0)
    assert found.price == Price(input=0.15, output=0.6)
    assert (found.headers, found.args) == ({"x-team": "eval"}, {"extra": [1]})


def test_the_models_of_the_repository_are_read() -> None:
    found = load_models(Path(__file__).parents[1] / "configs" / "models.yaml")
    assert "gpt-4o-mini" in found
    assert all(name == spec.name for name, spec in found.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "models.yaml:1: the file must hold a mapping `models:` of name to settings"),
        ("- a", "models.yaml:1: the file must hold a mapping `models:` of name to settings"),
        ("models: [a]", "models.yaml:1: the file must hold a mapping `models:` of name"),
        ("models: {}\nmodel: {}", "models.yaml:2: unknown key 'model'; did you mean 'models'?"),
        (
            "models:\n  fast:\n    provider: openai\n    modle: m",
            "models.yaml:4: model 'fast': unknown key 'modle'; did you mean 'model'?",
        ),
        (
            "models:\n  fast:\n    model: m",
            "models.yaml:2: model 'fast': the key 'provider' is missing",
        ),
        (
            "models:\n  fast:\n    model: m\n    provider: opnai",
            "models.yaml:4: model 'fast': unknown provider 'opnai'; did you mean 'openai'?",
        ),
        ("models:\n  fast: m", "models.yaml:2: model 'fast': expected a mapping, got 'm'"),
        ("models:\n  fast:", "models.yaml:2: model 'fast': expected a mapping, got nothing"),
        (
            "models:\n  fast:\n    provider: openai\n    model: 4",
            "models.yaml:4: model 'fast', model: expected str, got 4",
        ),
        (
            "models:\n  fast: {provider: openai, model: m,\n    limits: {concurency: 4}}",
            "models.yaml:3: model 'fast', limits: unknown key 'concurency'; did you mean 'concurre",
        ),
        (
            "models:\n  fast: {provider: openai, model: m,\n    limits: {concurrency: many}}",
            "models.yaml:3: model 'fast', limits.concurrency: expected int, got 'many'",
        ),
        (
            "models:\n  fast: {provider: openai, model: m,\n    price: {input: 1}}",
            "models.yaml:3: model 'fast', price: the key 'output' is missing",
        ),
        (
            "models:\n  fast: {provider: openai, model: m,\n    api: chatt}",
            "models.yaml:3: model 'fast', api: unknown value 'chatt'; did you mean 'chat'?",
        ),
        (
            "models:\n  fast: {provider: openai, model: m,\n    sampling: {temprature: 1}}",
            "models.yaml:3: model 'fast', sampling: unknown key 'temprature'; did you mean 'temp",
        ),
        (
            "models:\n  fast: {provider: openai, model: m,\n    sampling: {temperature: hot}}",
            "models.yaml:3: model 'fast', sampling, temperature: expected float, got 'hot'",
        ),
        (
            "models:\n  fast: {provider: openai, model: m,\n    base_url: 'localhost:8000'}",
            "models.yaml:3: model 'fast': base_url must begin with http:// or https://, got 'local",
        ),
        ("models:\n  fast: {provider: openai\n", "models.yaml:3: not YAML: "),
        ("models:\n  a: {}\n  a: {}", "models.yaml:3: key 'a' stands here twice, first on line 2"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_the_nearest_name(
    text: str, message: str, tmp_path: Path
) -> None:
    assert refused(tmp_path, text).startswith(message)


def test_a_key_written_where_its_name_belongs_is_refused_and_not_shown(tmp_path: Path) -> None:
    text = "models:\n  a:\n    provider: openai\n    model: m\n    api_key_env: sk-123-secret"
    message = refused(tmp_path, text)
    assert message == (
        "models.yaml:5: model 'a': api_key_env is the name of an environment variable, "
        "never the key"
    )


def test_a_missing_key_is_named_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEAM_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    text = "models: {a: {provider: anthropic, model: m, api_key_env: TEAM_KEY}}"
    spec = models(tmp_path, text)["a"]
    with pytest.raises(ConfigError, match=r"models\.yaml:1: model 'a' needs .* set TEAM_KEY$"):
        build_model(spec)


def test_the_file_is_the_given_one_else_the_environments_else_configs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = "models: {%s: {provider: openai, model: m}}"
    for name in ("given", "environment"):
        (tmp_path / f"{name}.yaml").write_text(entry % name)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "models.yaml").write_text(entry % "configs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLM_EVAL_CONFIG", raising=False)
    assert list(load_models()) == ["configs"]
    monkeypatch.setenv("LLM_EVAL_CONFIG", str(tmp_path / "environment.yaml"))
    assert list(load_models()) == ["environment"]
    assert list(load_models(tmp_path / "given.yaml")) == ["given"]
    monkeypatch.setenv("LLM_EVAL_CONFIG", "gone.yaml")
    with pytest.raises(ConfigError, match=r"^gone\.yaml: no such file"):
        load_models()


def test_a_configured_name_is_taken_as_configured() -> None:
    assert parse_spec("fast", MODELS) is MODELS["fast"]
    slashed = {"openai/x": MODELS["fast"]}
    assert parse_spec("openai/x", slashed) is MODELS["fast"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("openai/gpt-4o", {"model": "gpt-4o", "api_key_env": "OPENAI_API_KEY"}),
        ("anthropic/claude", {"model": "claude", "api_key_env": "ANTHROPIC_API_KEY"}),
        (
            "openai/llama@http://127.0.0.1:8000/v1",
            {"model": "llama", "base_url": "http://127.0.0.1:8000/v1"},
        ),
        (
            "openai/org/llama:3@https://host/v1",
            {"model": "org/llama:3", "base_url": "https://host/v1"},
        ),
        (
            "openai/m@2024@http://user@host/v1",
            {"model": "m@2024", "base_url": "http://user@host/v1"},
        ),
        ("openai/m@2024", {"model": "m@2024", "base_url": None}),
        ("openai/llama3:8b", {"model": "llama3:8b", "adapter": None}),
        ("local/smollm2-135m", {"model": "smollm2-135m", "api_key_env": None}),
        ("hf/org/model", {"model": "org/model", "adapter": None}),
        ("hf/org/model:runs/lora", {"model": "org/model", "adapter": "runs/lora"}),
        ("hf//models/base:/runs/lora", {"model": "/models/base", "adapter": "/runs/lora"}),
        ("hf/org/model:", {"model": "org/model:", "adapter": None}),
        ("gguf/models/m.gguf", {"model": "models/m.gguf", "adapter": None}),
        ("gguf/m.gguf:lora.gguf", {"model": "m.gguf", "adapter": "lora.gguf"}),
        (r"gguf/C:\models\m.gguf", {"model": r"C:\models\m.gguf", "adapter": None}),
        ("gguf/C:/models/m.gguf", {"model": "C:/models/m.gguf", "adapter": None}),
        (r"gguf/C:\m.gguf:D:\lora.gguf", {"model": r"C:\m.gguf", "adapter": r"D:\lora.gguf"}),
        (r"gguf/C:\m.gguf:lora.gguf", {"model": r"C:\m.gguf", "adapter": "lora.gguf"}),
        (r"gguf/m.gguf:D:\lora.gguf", {"model": "m.gguf", "adapter": r"D:\lora.gguf"}),
    ],
)
def test_a_spec_names_provider_model_endpoint_and_adapter(
    text: str, expected: dict[str, Any]
) -> None:
    found = parse_spec(text, {})
    assert found.name == text
    assert found.provider == text.partition("/")[0]
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fats", "unknown model 'fats'; did you mean 'fast'? (or write provider/model)"),
        ("", "unknown model ''; known: fast (or write provider/model)"),
        ("openai/", "unknown model 'openai/'; known: fast (or write provider/model)"),
        ("opnai/gpt", "model 'opnai/gpt': unknown provider 'opnai'; did you mean 'openai'?"),
        (
            "openai/@http://host/v1",
            "model 'openai/@http://host/v1': name the model before the @ of its endpoint",
        ),
    ],
)
def test_a_spec_that_means_nothing_suggests_the_nearest(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_spec(text, MODELS)
    assert str(caught.value) == message
