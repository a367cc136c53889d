"""The progress line of a run, on standard error: rate, time left, tokens, cost, errors."""

from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

from llm_eval.cli.terminal import notes
from llm_eval.execution import Executable
from llm_eval.types import SampleResult

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

_REFRESH_S = 0.1
_LINE_EVERY_S = 30.0
"""Where there is no terminal, a plain line now and then: a CI log shows that it lives."""


class Progress:
    """Counts finished samples and shows them; a context manager around one run."""

    def __init__(self, plan: Executable, n_kept: int = 0) -> None:
        """Start at what is done: `n_kept` of the plan's samples × epochs."""
        self._title = f"{plan.task_spec} · {plan.model_spec}"
        self._total = plan.n_total
        self._kept = self._done = n_kept
        self._failed = self._tokens = 0
        self._cost_usd = 0.0
        self._started = self._shown = monotonic()
        self._bar: RichProgress | None = None

    def __enter__(self) -> "Progress":
        if notes().is_terminal:
            self._bar = _bar()
            self._task = self._bar.add_task(
                self._title, total=self._total, completed=self._done, facts=""
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, facts=self._facts())
            self._bar.stop()

    def on_result(self, result: SampleResult) -> None:
        """Count one finished sample; show it when the last picture is old enough."""
        self._done += 1
        self._failed += result.failure is not None
        if result.response is not None:
            usage = result.response.usage
            self._tokens += usage.prompt_tokens + usage.completion_tokens
            self._cost_usd += result.response.cost_usd or 0.0
        now = monotonic()
        if self._bar is not None and now - self._shown >= _REFRESH_S:
            self._shown = now
            self._bar.update(self._task, completed=self._done, facts=self._facts())
        elif self._bar is None and now - self._shown >= _LINE_EVERY_S:
            self._shown = now
            notes().print(f"{self._title}: {self._done}/{self._total}, {self._facts()}")

    def _facts(self) -> str:
        rate = (self._done - self._kept) / max(monotonic() - self._started, 1e-9)
        facts = [f"{rate:,.1f}/s", f"{self._tokens:,} tokens"]
        if self._cost_usd:
            facts.append(f"${self._cost_usd:,.4f}")
        if self._failed:
            facts.append(f"{self._failed} failed")
        return " · ".join(facts)


def _bar() -> "RichProgress":
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
        console=notes(),
        refresh_per_second=10,
    )
