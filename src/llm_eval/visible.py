"""Text that shows what it holds: control characters are seen as escapes, never obeyed."""

_CONTROL = {code: f"\\x{code:02x}" for code in [*range(32), *range(127, 160)]}
_KEPT = {ord("\n"): "\n", ord("\t"): "\t"}
_NEUTRAL = str.maketrans(
    {
        **_CONTROL,
        **_KEPT,
        # Bidirectional overrides can make text read as something else than it is.
        **{code: f"\\u{code:04x}" for code in [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]},
        # Lone surrogates: nothing can be encoded that holds one.
        **{code: f"\\u{code:04x}" for code in range(0xD800, 0xE000)},
    }
)


def visible(text: str) -> str:
    """`text` with every control character as an escape; newlines and tabs stay."""
    return text.translate(_NEUTRAL)
