"""Puts telemetry around the parts of a run, from outside: model, scorers, samples.

    with traced(job, info, tracer_from_environment()) as job:
        await run(job, storage)

Without a tracer the job stays as it is: what is off is not there.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from time import time_ns

from llm_eval.judging import with_scorers
from llm_eval.models.base import BaseModel, ModelWrapper
from llm_eval.observability.tracer import Tracer
from llm_eval.runner import Evaluate, Job, Work
from llm_eval.scorers.base import Scorer, ScorerWrapper
from llm_eval.types import (
    ModelResponse,
    Prompt,
    RunInfo,
    SampleResult,
    Sampling,
)

_has_spans: ContextVar[bool] = ContextVar("_has_spans", default=False)
"""Whether the sample that this worker evaluates gets spans."""


@contextmanager
def traced(job: Job, info: RunInfo, tracer: Tracer | None) -> Iterator[Job]:
    """The job with spans around its parts, within the span of its run."""
    if tracer is None:
        yield job
        return
    try:
        with tracer.run(info):
            yield replace(
                job,
                model=TracedModel(job.model, tracer),
                task=with_scorers(job.task, [TracedScorer(s, tracer) for s in job.task.scorers]),
                around=lambda evaluate: _around(evaluate, tracer),
            )
    finally:
        tracer.flush()


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
        if not _has_spans.get():
            response = await self.inner.generate(messages, sampling, repeat=repeat)
        else:
            with self._tracer.call(self._identity, messages, sampling) as call:
                response = await self.inner.generate(messages, sampling, repeat=repeat)
                call.answer(response)
        if not response.cached:
            self._tracer.count(response)
        return response


class TracedScorer(ScorerWrapper):
    """A span around each score."""

    def __init__(self, inner: Scorer, tracer: Tracer) -> None:
        super().__init__(inner)
        self._tracer = tracer

    def within(self) -> AbstractContextManager[None]:
        """A span, where the sample gets spans."""
        return self._tracer.scorer(self.name) if _has_spans.get() else nullcontext()


def _around(evaluate: Evaluate, tracer: Tracer) -> Evaluate:
    async def evaluate_traced(work: Work) -> SampleResult:
        _has_spans.set(tracer.admits())
        if not _has_spans.get():
            return await _evaluate_quietly(evaluate, work, tracer)
        with tracer.sample(work.sample, work.epoch) as span:
            result = await evaluate(work)
            tracer.finish(span, result)
        return result

    return evaluate_traced


async def _evaluate_quietly(evaluate: Evaluate, work: Work, tracer: Tracer) -> SampleResult:
    """No spans, unless it fails: then one, made afterwards."""
    started_ns = time_ns()
    result = await evaluate(work)
    if result.failure is not None:
        with tracer.sample(work.sample, work.epoch, started_ns=started_ns) as span:
            tracer.finish(span, result)
    return result
