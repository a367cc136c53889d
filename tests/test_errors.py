"""A foreign exception is attributed to the stage it crossed; our own pass unchanged."""

import pytest

from llm_eval.errors import ConfigError, EvalError, ProviderError, ScorerError, boundary


def test_foreign_exception_is_attributed_to_the_stage() -> None:
    with (
        pytest.raises(ScorerError, match="scorer 'x': KeyError: 'price'") as caught,
        boundary(ScorerError, "scorer 'x'"),
    ):
        raise KeyError("price")
    assert isinstance(caught.value.__cause__, KeyError)


def test_own_error_passes_unchanged() -> None:
    original = ProviderError("down", code="connection", retryable=True)
    with pytest.raises(ProviderError) as caught, boundary(ScorerError, "scorer 'x'"):
        raise original
    assert caught.value is original


def test_interrupt_is_never_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt), boundary(ConfigError, "anything"):
        raise KeyboardInterrupt


def test_every_stage_has_its_own_name() -> None:
    stages = [error.stage for error in EvalError.__subclasses__()]
    assert len(stages) == len(set(stages))
