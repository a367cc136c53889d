"""Puts telemetry around the parts of a run, from outside: model, scorers, samples.

    with traced(job, info, tracer_from_environment()) as job:
        await run(job, storage)

Without a tracer the job stays as it is: what is off is not there. Canaries are put before judges
when there is no run yet, so their span is the root of a trace of its own.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from time import time_ns

from llm_eval.judging import Watch, with_scorers
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.observability.tracer import Tracer
from llm_eval.runner import Evaluate, Job, Work
from llm_eval.scorers.base import Scorer, ScorerWrapper
from llm_eval.scorers.llm_judge import BoundJudge
from llm_eval.types import (
    ModelResponse,
    Prompt,
    RunInfo,
    SampleResult,
    Sampling,
)


@contextmanager
def traced(job: Job, info: RunInfo, tracer: Tracer | None) -> Iterator[Job]:
    """The job with spans around its parts, within the span of its run."""
    if tracer is None:
        yield job
        return
    with tracer.run(info):
        with_spans = replace(
            job,
            model=TracedModel(job.model, tracer),
            task=with_scorers(job.task, [_traced_scorer(s, tracer) for s in job.task.scorers]),
        )
        inner = job.around or (lambda evaluate: evaluate)
        yield replace(job, around=lambda evaluate: _around(inner(evaluate), with_spans, tracer))


def traced_canaries(task: str, tracer: Tracer | None) -> Watch:
    """What puts a span around a judge's canaries, and spans around their calls."""
    if tracer is None:
        return nullcontext

    @contextmanager
    def watch(judge: BoundJudge) -> Iterator[BoundJudge]:
        with tracer.canaries(task, judge.options.metric):
            yield _with_traced_models(judge, tracer)

    return watch


class TracedModel(ModelWrapper):
    """A span around each call, whatever layer answers it."""

    def __init__(self, inner: BaseModel, tracer: Tracer) -> None:
        super().__init__(inner)
        self._tracer = tracer
        self._identity = inner.identity

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One reply, traced."""
        with self._tracer.call(self._identity, messages, sampling) as call:
            response = await self.inner.generate(messages, sampling, repeat=repeat)
            call.answer(response)
        return response


class TracedScorer(ScorerWrapper):
    """A span around each score."""

    def __init__(self, inner: Scorer, tracer: Tracer) -> None:
        super().__init__(inner)
        self._tracer = tracer

    def within(self) -> AbstractContextManager[None]:
        """A span."""
        return self._tracer.scorer(self.name)


def _traced_scorer(scorer: Scorer, tracer: Tracer) -> TracedScorer:
    """With spans around the calls of its models too, where it is a judge."""
    if isinstance(scorer, BoundJudge):
        scorer = _with_traced_models(scorer, tracer)
    return TracedScorer(scorer, tracer)


def _with_traced_models(judge: BoundJudge, tracer: Tracer) -> BoundJudge:
    return replace(judge, judges=tuple(TracedModel(model, tracer) for model in judge.judges))


def _around(evaluate: Evaluate, with_spans: Job, tracer: Tracer) -> Evaluate:
    """Decides once, before any layer is entered: a sample without spans meets none of them."""

    async def evaluate_traced(job: Job, work: Work) -> SampleResult:
        if tracer.admits():
            with tracer.sample(work.sample, work.epoch) as span:
                result = await evaluate(with_spans, work)
                tracer.finish(span, result)
        else:
            started_ns = time_ns()
            result = await evaluate(job, work)
            if result.failure is None:
                tracer.leave_out()
            else:
                with tracer.sample(work.sample, work.epoch, started_ns=started_ns) as span:
                    tracer.finish(span, result)
        if result.response is not None and work.response is None:
            tracer.count(result.response)
        return result

    return evaluate_traced
