"""A local checkpoint, run in this process by transformers, with adapters on it.

    hf/models/Llama-3.2-3B-Instruct              a directory
    hf/smollm2-135m                              the embedded model's checkpoint
    hf/smollm2-135m:data/lora_adapters/json_v1   with a LoRA adapter

Several adapters on one base cost one load. `args` in models.yaml: see `hf.options`.
"""

import asyncio
import logging
import math
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from llm_eval.errors import ConfigError, ProviderError
from llm_eval.models.adapter_files import read_adapter
from llm_eval.models.base import BaseModel
from llm_eval.models.hf.base import Base, acquire, base_digest, check_base, release
from llm_eval.models.hf.checkpoint import checkpoint
from llm_eval.models.hf.choices import Choices, encode_choices, windows
from llm_eval.models.hf.decoding import Row
from llm_eval.models.hf.libraries import libraries, ran_out_of_memory, versions
from llm_eval.models.hf.options import parse_options, resolve_device, resolve_dtype
from llm_eval.models.hf.prompting import prompt_tokens
from llm_eval.models.hf.queue import Queue
from llm_eval.models.hf.throughput import Throughput
from llm_eval.models.likelihood import Likelihood, LikelihoodModel
from llm_eval.specs import ModelSpec
from llm_eval.types import ModelResponse, Prompt, Sampling, Usage

_log = logging.getLogger(__name__)
_CPU, _GPU = (32, 32_768), (128, 262_144)
"""(rows, tokens) of a batch."""
_LONGEST_REPLY = 1024
"""Tokens, where the task names no limit."""
_THINKING, _THINKING_ENDS = "<think>", "</think>"

_queues: dict[int, tuple[Queue, int]] = {}
"""The queue of each loaded base, and how many models share it."""
_queues_lock = threading.Lock()


class HFModel(BaseModel, LikelihoodModel):
    """One checkpoint, or one adapter on it."""

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        adapter: Path | None = None,
        args: Mapping[str, Any] | None = None,
    ) -> None:
        """Look at the files; nothing is loaded.

        Raises:
            ConfigError: checkpoint or adapter are not there, not whole or not safe, the adapter
                was made for another base, or an argument is unknown.
        """
        self.name = name
        self._path = checkpoint(path)
        self._options = parse_options(name, args or {})
        self._adapter = None if adapter is None else check_base(read_adapter(adapter), self._path)
        self._base: Base | None = None
        self._queue: Queue | None = None
        self._starting = asyncio.Lock()
        self._told = False

    @classmethod
    def from_spec(cls, spec: ModelSpec) -> "HFModel":
        """The model that `spec` describes.

        Raises:
            ConfigError: as the constructor.
        """
        adapter = None if spec.adapter is None else Path(spec.adapter)
        return cls(spec.name, Path(spec.model), adapter=adapter, args=spec.args)

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """Digests of checkpoint and adapter, precision, kind of device, and the libraries."""
        torch, _ = libraries()
        device = resolve_device(torch, self._options)
        return {
            "provider": "hf",
            "base": base_digest(self._path),
            "adapter": None if self._adapter is None else self._adapter.digest,
            "dtype": resolve_dtype(self._options, device),
            "quantization": self._options.quantization,
            "attention": self._options.attention,
            "thinking": self._options.thinking,
            "device": device.partition(":")[0],
            "engine": versions(*self._helpers),
        }

    @property
    def _helpers(self) -> tuple[str, ...]:
        """Further libraries that have a part in its replies."""
        adapted = () if self._adapter is None else ("peft",)
        return adapted if self._options.quantization is None else (*adapted, "bitsandbytes")

    @property
    def max_concurrency(self) -> int:
        """Enough requests to choose from, so that those of one batch are equally long."""
        return 4 * self._limits[0]

    @cached_property
    def _limits(self) -> tuple[int, int]:
        torch, _ = libraries()
        rows, tokens = _CPU if resolve_device(torch, self._options) == "cpu" else _GPU
        return self._options.max_rows or rows, self._options.max_batch_tokens or tokens

    @property
    def throughput(self) -> Throughput | None:
        """How fast its base worked so far, for all models on it; None before it is loaded."""
        return None if self._queue is None else self._queue.throughput

    async def start(self) -> None:
        """Load the weights, or share those that another model of this process has loaded."""
        async with self._starting:
            if self._queue is None:
                self._base, self._queue = await asyncio.to_thread(self._load)

    async def aclose(self) -> None:
        """Stop when the batch in flight is written."""
        base, self._base, self._queue = self._base, None, None
        if base is not None:
            await asyncio.to_thread(_leave, base)

    async def generate(
        self, messages: Prompt, sampling: Sampling, *, repeat: int = 0
    ) -> ModelResponse:
        """One reply, written in a batch with others."""
        base, queue = await self._loaded()
        prompt = self._tokens(base, messages)
        row = Row(prompt, sampling, repeat, self._limit(base, len(prompt), sampling))
        if (schema := sampling.json_schema) is not None:
            row.matcher = await asyncio.to_thread(queue.constraints.matcher, schema)
        return self._response(row, await self._done(queue, row))

    async def loglikelihood(
        self, context: str, continuations: Sequence[str]
    ) -> tuple[Likelihood, ...]:
        """Of each continuation after `context`: one forward pass for all of them."""
        if not continuations or not all(continuations):
            raise ConfigError(f"model {self.name!r}: an empty continuation has no likelihood")
        base, queue = await self._loaded()
        groups = encode_choices(
            base.encode,
            context,
            continuations,
            start=base.start_token,
            most=base.context,
        )
        await asyncio.gather(*(self._done(queue, choices) for _, choices in groups))
        found = {n: one for ns, c in groups for n, one in zip(ns, c.found, strict=True)}
        return tuple(found[number] for number in range(len(continuations)))

    async def rolling_loglikelihood(self, text: str) -> Likelihood:
        """Of a whole text, in windows of the model's context."""
        if not text:
            raise ConfigError(f"model {self.name!r}: an empty text has no likelihood")
        base, queue = await self._loaded()
        parts = list(windows(base.encode(text), base.start_token, base.context))
        await asyncio.gather(*(self._done(queue, part) for part in parts))
        found = [part.found[0] for part in parts]
        return Likelihood(
            math.fsum(one.logprob for one in found),
            sum(one.n_tokens for one in found),
            all(one.greedy for one in found),
        )

    async def _loaded(self) -> tuple[Base, Queue]:
        await self.start()
        assert self._base is not None
        assert self._queue is not None
        return self._base, self._queue

    async def _done(self, queue: Queue, row: Row | Choices) -> float:
        """Have a request worked off: the seconds that its batch took."""
        adapter = None if self._adapter is None else self._adapter.digest
        try:
            return await asyncio.wrap_future(queue.put(row, adapter))
        except Exception as exc:
            if not ran_out_of_memory(exc):
                raise
            raise ProviderError(
                f"model {self.name!r}: {len(row.prompt):,} tokens of prompt and {row.limit:,} "
                f"after it do not fit the device's memory, even alone",
                code="out_of_memory",
            ) from exc

    def _load(self) -> tuple[Base, Queue]:
        base = acquire(self._path, self._options)
        try:
            queue = _enter(base, self._limits)
            if (adapter := self._adapter) is not None:
                queue.between_batches(lambda: base.load_adapter(adapter))
        except BaseException:
            release(base)
            raise
        return base, queue

    def _tokens(self, base: Base, messages: Prompt) -> list[int]:
        if base.tokenizer.chat_template is None and not self._told:
            self._told = True
            _log.warning(
                "model %r has no chat template: it reads the messages as plain text, one after "
                "another, as a base model does",
                self.name,
            )
        thinking = self._options.thinking
        options = {} if thinking is None else {"enable_thinking": thinking}
        return prompt_tokens(base.tokenizer, messages, options)

    def _limit(self, base: Base, n_prompt: int, sampling: Sampling) -> int:
        context = base.context
        if n_prompt >= context:
            raise ProviderError(
                f"model {self.name!r}: the prompt has {n_prompt:,} tokens, and the model reads "
                f"{context:,}",
                code="context_length",
            )
        return min(sampling.max_tokens or _LONGEST_REPLY, context - n_prompt)

    def _response(self, row: Row, latency_s: float) -> ModelResponse:
        reasoning, text = split_reasoning(row.text)
        return ModelResponse(
            text=text,
            model=self._path.name,
            finish_reason=row.finish_reason,
            usage=Usage(len(row.prompt), len(row.tokens)),
            latency_s=latency_s,
            reasoning=reasoning,
            logprobs=tuple(row.logprobs),
        )


def split_reasoning(text: str) -> tuple[str | None, str]:
    """(reasoning, answer) of a reply; reasoning that was cut off has no answer after it."""
    reasoning, mark, answer = text.partition(_THINKING_ENDS)
    if not mark:
        if not text.lstrip().startswith(_THINKING):
            return None, text
        answer = ""
    return reasoning.replace(_THINKING, "").strip() or None, answer.strip()


def _enter(base: Base, limits: tuple[int, int]) -> Queue:
    """The queue of a base, which all models on it share."""
    with _queues_lock:
        queue, users = _queues.get(id(base)) or (Queue(base, *limits), 0)
        _queues[id(base)] = queue, users + 1
        return queue


def _leave(base: Base) -> None:
    with _queues_lock:
        queue, users = _queues[id(base)]
        if users > 1:
            _queues[id(base)] = queue, users - 1
        else:
            del _queues[id(base)]
    if users == 1:
        queue.close()
        _log.info("local model: %s", queue.throughput)
    release(base)
