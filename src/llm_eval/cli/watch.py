"""`run`'s options for those who watch: logs, metrics. Off, they cost nothing."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from llm_eval.cli.terminal import notes
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.models.limiting import Limiting

if TYPE_CHECKING:
    from llm_eval.evaluation import Plan
    from llm_eval.observability.live_metrics import LimiterState, LiveRun
    from llm_eval.runner import Observer

    Watchers = Callable[[Plan, int], list[Observer]]
    Maker = Callable[[Plan, int], Observer]


@contextmanager
def watching(args: argparse.Namespace) -> "Iterator[Watchers]":
    """Gives the observers of each plan that is run within the block, and of how much it kept."""
    with ExitStack() as stack:
        makers: list[Maker] = []
        if args.log_level or args.log_json:
            makers.append(_logs(args))
        if args.metrics_port:
            makers.append(_metrics(args, stack))
        yield lambda plan, n_kept: [make(plan, n_kept) for make in makers]


def _logs(args: argparse.Namespace) -> "Maker":
    from llm_eval.observability import logs

    logs.configure(args.log_level or "info", as_json=args.log_json)

    def make(plan: "Plan", n_kept: int) -> "Observer":
        request = plan.request
        n = {"n": plan.n_total, "n_kept": n_kept}
        logs.log("info", "run starts", task=request.task, model=request.model, **n)
        return logs.RunLog(request.task, request.model)

    return make


def _metrics(args: argparse.Namespace, stack: ExitStack) -> "Maker":
    from llm_eval.observability.live_metrics import LiveRun, serving

    host, port = args.metrics_port
    runs = stack.enter_context(serving(port, host))
    notes().print(f"metrics: http://{host}:{runs.port}/metrics")

    def make(plan: "Plan", n_kept: int) -> "LiveRun":
        live = LiveRun(
            plan.request.task,
            plan.request.model,
            plan.n_total - n_kept,
            n_kept=n_kept,
            worst={m.name: m.worst for scorer in plan.task.scorers for m in scorer.metrics},
            limiter=_limiter_state(plan.model),
        )
        runs.add(live)
        return live

    return make


def _limiter_state(model: BaseModel) -> "Callable[[], LimiterState] | None":
    """The state of the limiter among the model's layers, if it has one."""
    layer = model
    while isinstance(layer, ModelWrapper):
        if isinstance(layer, Limiting):
            limiter = layer.limiter
            return lambda: limiter.state
        layer = layer.inner
    return None
