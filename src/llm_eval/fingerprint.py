"""Identity by content: canonical JSON, hashed with sha256.

Two things with the same fingerprint give the same numbers; two checkpoints, two prompts or two
targets never share one.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

import msgspec

from llm_eval.types import Prompt, Sample, Sampling

_encoder = msgspec.json.Encoder(order="sorted")
_nothing = hashlib.sha256()
"""Copied for each digest: to make one asks OpenSSL for the algorithm, which takes as long again."""

_last: ContextVar[tuple[str, str, Prompt, Sampling, int] | None] = ContextVar("last", default=None)


def canonical(value: object) -> bytes:
    """`value` as JSON with sorted keys: the same bytes for the same content."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:  # a lone surrogate, which Python's own module escapes
        plain = msgspec.to_builtins(value)
        return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def digest(value: object) -> str:
    """sha256 of `canonical(value)`, 64 hexadecimal digits."""
    running = _nothing.copy()
    running.update(canonical(value))
    return running.hexdigest()


def identify(
    task: str,
    row_id: str,
    inputs: Mapping[str, Any],
    target: Any,
    *,
    slice: str | None = None,  # noqa: A002 - the field's own name
    cluster: str | None = None,
    groups: Mapping[str, str] | None = None,
) -> Sample:
    """A sample under its content key: change one target and exactly one sample is new."""
    key = digest((task, inputs, target))
    return Sample(key, row_id, inputs, target, slice, cluster, groups or {})


def request_key(model: str, messages: Prompt, sampling: Sampling, repeat: int = 0) -> str:
    """Identity of one call: model fingerprint, messages, sampling and which repeat it is.

    Whoever asks again for the very same objects gets the last key of this task at once: the cache
    and the store both need it.
    """
    last = _last.get()
    if last is not None:
        key, last_model, last_messages, last_sampling, last_repeat = last
        if (
            last_messages is messages
            and last_sampling is sampling
            and last_repeat == repeat
            and last_model == model
        ):
            return key
    key = digest((model, messages, sampling, repeat))
    _last.set((key, model, messages, sampling, repeat))
    return key


class DatasetHash:
    """sha256 over sample keys in their order, fed one by one so that a dataset can stream."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, key: str) -> None:
        """Add the next sample's key."""
        self._hash.update(key.encode())

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        return self._hash.hexdigest()


def dataset_hash(samples: Iterable[Sample]) -> str:
    """Hash of all samples in their order."""
    running = DatasetHash()
    for sample in samples:
        running.update(sample.key)
    return running.hexdigest()
