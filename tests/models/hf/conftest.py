"""Tiny checkpoints and adapters, made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_eval.models.hf import base as hf_base
from llm_eval.testing.tiny_model import make_tiny_model
from tests.models.hf.local_models import make_adapter


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "other", seed=1)


@pytest.fixture(scope="session")
def adapters(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("adapters")
    return tuple(make_adapter(tiny, directory / f"a{n}", seed=n) for n in (1, 2))  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    hf_base.forget_unused()
