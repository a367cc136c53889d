"""Writing a run: replies first, then what became of them.

>>> async with storage.writer(run_id) as writer:
...     await writer.put_response(0, 0, sample, prompt, response, key)    # durable when it returns
...     await writer.put_result(result)                                   # durable soon after
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType

from sqlalchemy import Engine

from llm_eval.errors import StoreError
from llm_eval.metrics import codec, schema
from llm_eval.metrics.cache import StoredCache
from llm_eval.metrics.group_commit import GroupCommit, Groups, Row
from llm_eval.types import Metric, ModelResponse, Prompt, Sample, SampleResult

MAX_BACKLOG = 2000
"""Rows handed over and not yet durable, before a worker is made to wait."""
_MAX_KNOWN = 10_000


class RunWriter:
    """Writes one run's replies and results. Used from one event loop, as a context manager.

    A failed write is raised to everybody who waits for a row, at every later put, and at the exit.
    What was committed before stays.
    """

    def __init__(
        self, engine: Engine, run: int, metrics: Sequence[Metric], cache: StoredCache
    ) -> None:
        self._engine = engine
        self._run = run
        self._metrics = tuple(metrics)
        self._cache = cache
        self._open: set[tuple[int, int]] = set()
        """Replies that were put and have no result yet."""
        self._known_samples: set[str] = set()
        self._cached: list[Row] = []
        """Rows of the cache that go in with the next reply or result."""

    async def __aenter__(self) -> "RunWriter":
        """Start the writing thread."""
        order = (schema.samples, schema.responses, schema.results, schema.cache)
        self._rows = GroupCommit(self._engine, order, self._on_durable)
        self._cache.attach(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is left, and raise what went wrong with it.

        A cancellation waits until all is written, so that an interrupted run loses nothing.
        """
        self._cache.detach(self)
        with suppress(StoreError):  # `close` raises it
            self._put_cached()
        await self._rows.close(error)

    async def put_response(
        self,
        index: int,
        epoch: int,
        sample: Sample,
        prompt: Prompt,
        response: ModelResponse,
        request_key: str,
    ) -> None:
        """Store a reply; returns when it is durable.

        Raises:
            StoreError: it could not be written.
        """
        self._open.add((index, epoch))
        self._put_sample(sample)
        await self._rows.put_waiting(
            schema.responses,
            lambda: codec.response_columns(self._run, index, epoch, request_key, prompt, response),
            self._take_cached(),
        )

    async def put_result(self, result: SampleResult) -> None:
        """Store a result with its scores, which is also the done-mark; durable with its group.

        A result for an (index, epoch) that has one is ignored, unless that one has failed. A reply
        that was not put before is stored too, under no request key.

        Raises:
            StoreError: an earlier row could not be written.
        """
        place = (result.index, result.epoch)
        if place in self._open:
            self._open.discard(place)
        else:
            self._put_whole(result)
        self._rows.put(
            schema.results,
            lambda: codec.result_columns(self._run, result, self._metrics),
            self._take_cached(),
        )
        if self._rows.backlog > MAX_BACKLOG:
            await self._rows.flush()

    def put_cached(self, row: Callable[[], codec.Columns]) -> None:
        """Store a row of the response cache in one transaction with the reply that is put next.

        A run killed between the two would find its own reply in the cache and count a call that
        it paid for as one that cost nothing; or not find it, and ask again for its twin.
        """
        self._cached.append((schema.cache, row))

    async def flush(self) -> None:
        """Wait until all that was handed over is durable.

        Raises:
            StoreError: some of it could not be written.
        """
        self._put_cached()
        await self._rows.flush()

    def _put_cached(self) -> None:
        for row in self._take_cached():
            self._rows.put(*row)

    def _take_cached(self) -> list[Row]:
        cached, self._cached = self._cached, []
        return cached

    def _put_whole(self, result: SampleResult) -> None:
        self._put_sample(result.sample)
        if (response := result.response) is not None:
            place = (self._run, result.index, result.epoch)
            self._rows.put(
                schema.responses,
                lambda: codec.response_columns(*place, "", result.prompt, response),
            )

    def _put_sample(self, sample: Sample) -> None:
        """Store a sample unless it was a moment ago: epochs of one sample come close together."""
        if sample.key in self._known_samples:
            return
        if len(self._known_samples) >= _MAX_KNOWN:
            self._known_samples.clear()
        self._known_samples.add(sample.key)
        self._rows.put(schema.samples, lambda: codec.sample_columns(sample))

    def _on_durable(self, rows: Groups) -> None:
        self._cache.on_durable(rows[schema.cache])
