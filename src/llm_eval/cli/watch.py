"""Options of `run` and `rescore` for those who watch: logs, metrics. Off, they cost nothing."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from llm_eval.cli.terminal import notes
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.models.limiting import Limiting

if TYPE_CHECKING:
    from llm_eval.execution import Executable
    from llm_eval.observability.live_metrics import LimiterState, LiveRun
    from llm_eval.runner import Observer

    Watchers = Callable[[Executable, int], list[Observer]]
    Maker = Callable[[Executable, int], Observer]


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

    def make(plan: "Executable", n_kept: int) -> "Observer":
        who = {"task": plan.task_spec, "model": plan.model_spec}
        logs.log("info", "run starts", **who, n=plan.n_total, n_kept=n_kept)
        return logs.RunLog(plan.task_spec, plan.model_spec)

    return make


def _metrics(args: argparse.Namespace, stack: ExitStack) -> "Maker":
    from llm_eval.observability.live_metrics import LiveRun, serving

    host, port = args.metrics_port
    runs = stack.enter_context(serving(port, host))
    notes().print(f"metrics: http://{host}:{runs.port}/metrics")

    def make(plan: "Executable", n_kept: int) -> "LiveRun":
        live = LiveRun(
            plan.task_spec,
            plan.model_spec,
            plan.n_total - n_kept,
            n_kept=n_kept,
            worst={m.name: m.worst for scorer in plan.task.scorers for m in scorer.metrics},
            limiter=_limiter_state(plan.models[0]) if plan.models else None,
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
