"""Decoding a provider's JSON into text that can be stored anywhere.

Lone surrogates, which JSON can spell but UTF-8 cannot, become U+FFFD, as does invalid UTF-8.
"""

import json
import re
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_SURROGATE = re.compile("[\ud800-\udfff]")


def decode_body(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """`body` as the decoder's type.

    Raises:
        msgspec.ValidationError: it is JSON, but not of that shape.
        ValueError: it is no JSON.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The rare way: the standard library reads what msgspec refuses.
        value = json.loads(body.decode("utf-8", errors="replace"))
        return decoder.decode(msgspec.json.encode(_storable(value)))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
