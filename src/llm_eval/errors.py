"""What can go wrong, by the stage it went wrong in.

1. Vocabulary: one class per stage. The class says who is to blame, which decides the score:
   a model that writes nonsense scores 0, a provider that is down scores nothing.
2. Classification: `boundary(ProviderError, "model 'gpt-x'")` attributes any foreign exception to
   the stage it crossed, so extension code raises plain Python errors.
3. Surfacing: a message says what, where, the value, and the remedy, in one line.
4. Capture: only the retry layer and the runner catch an `EvalError`; a failed sample is data,
   not a crash.
"""

from types import TracebackType
from typing import ClassVar


class EvalError(Exception):
    """Any failure this package reports; `stage` names where it happened."""

    stage: ClassVar[str] = "internal"


class ConfigError(EvalError):
    """A setting, file, name or flag that cannot be used. Found before anything is spent."""

    stage = "config"


class IncomparableError(ConfigError):
    """Two runs whose recipes differ in a field that makes their numbers incomparable."""


class DatasetError(EvalError):
    """Rows that cannot be read or do not fit their task."""

    stage = "dataset"


class ParseError(EvalError):
    """A reply that is not an answer. The model's fault: it scores 0, with the flag set."""

    stage = "parse"


class ScorerError(EvalError):
    """A scorer or judge that could not decide. Nobody's zero: the sample is unscored."""

    stage = "scorer"


class TrainingError(EvalError):
    """A training that cannot go on; what was saved before stays."""

    stage = "training"


class StoreError(EvalError):
    """The run database cannot be opened, read or written."""

    stage = "store"


class ProviderError(EvalError):
    """A model that did not answer. Nobody's zero: the sample is failed."""

    stage = "provider"

    def __init__(
        self,
        message: str,
        *,
        code: str = "error",
        status: int | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
        fatal: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        """Stable machine name: rate_limit, timeout, connection, bad_request, auth, …"""
        self.status = status
        """HTTP status, where there was one."""
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        """The provider's own wish: nobody with this key asks again before."""
        self.fatal = fatal
        """No other sample can succeed either (wrong key, unknown model): stop the run."""


class BudgetExceededError(EvalError):
    """The run's money, tokens or time are spent. The run stops and can be resumed."""

    stage = "budget"


class StoppedError(BudgetExceededError):
    """The run was told to stop, and this call was still waiting: nobody has been asked."""


class Boundary:
    """What `boundary` gives.

    A class, as a generator takes four times as long, and a sample passes ten boundaries.
    """

    __slots__ = ("_error", "_what")

    def __init__(self, error: type[EvalError], what: str) -> None:
        self._error, self._what = error, what

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, EvalError):
            raise self._error(f"{self._what}: {type(error).__name__}: {error}") from error


def boundary(error: type[EvalError], what: str) -> Boundary:
    """Attribute foreign exceptions raised inside to `error`; an `EvalError` passes unchanged."""
    return Boundary(error, what)
