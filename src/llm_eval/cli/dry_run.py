"""`llm-eval run --dry-run`: what it would cost and how long it would take."""

from collections.abc import Sequence

from llm_eval.cli.terminal import clean, output, write_json
from llm_eval.dry_run import Estimate, Range, estimate
from llm_eval.evaluation import Plan
from llm_eval.event_loop import in_own_loop
from llm_eval.metrics.storage import MetricsStorage


def execute(plans: Sequence[Plan], storage: MetricsStorage, *, as_json: bool) -> int:
    """Print an estimate for each plan; nothing is spent."""
    estimates = in_own_loop(lambda: _estimate_all(plans, storage))
    if as_json:
        write_json({"dry_run": estimates})
        return 0
    for guess in estimates:
        _print(guess)
    output().print("nothing was spent; prompts rendered and scorers tried without error")
    return 0


async def _estimate_all(plans: Sequence[Plan], storage: MetricsStorage) -> list[Estimate]:
    return [await estimate(plan, storage) for plan in plans]


def _print(guess: Estimate) -> None:
    console = output()
    console.print(clean(f"{guess.task} · {guess.model} · {guess.n_calls:,} calls"), style="bold")
    console.print(f"  prompt tokens      {_whole(guess.prompt_tokens)}")
    console.print(f"  completion tokens  {_whole(guess.completion_tokens)}")
    cost = "price unknown: give `price:` in models.yaml" if guess.cost_usd is None else None
    console.print(f"  cost               {cost or _money(guess.cost_usd)}")
    console.print(f"  duration           {_time(guess.duration_s)}, latency {guess.latency_source}")


def _whole(r: Range) -> str:
    return f"about {r.expected:,.0f} ({r.low:,.0f} to {r.high:,.0f})"


def _money(r: Range | None) -> str:
    return "" if r is None else f"about ${r.expected:,.4f} (${r.low:,.4f} to ${r.high:,.4f})"


def _time(r: Range) -> str:
    return f"about {r.expected:,.0f} s ({r.low:,.0f} to {r.high:,.0f} s)"
