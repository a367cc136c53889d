"""Text that a spreadsheet shows and never runs.

    =HYPERLINK("http://…")  →  '=HYPERLINK("http://…")
    -12.5                   →  -12.5                    a number is no formula

Rules: OWASP, "CSV Injection", widened by what spreadsheets skip or fold before they look: white
space, invisible characters, and full-width forms.
"""

import re
import string

_SKIPPED = "\\s\\x00\\x1c-\\x1f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
_SKIPPED += "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
_FORMULA = re.compile(f"[{_SKIPPED}]*[=+\\-@|%＝＋－＠﹦﹢﹣﹫｜％−]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_HARMLESS = frozenset(string.ascii_letters + string.digits + '{["(')
"""First characters of most texts: none is skipped, folded or the start of a formula."""
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


def cell(text: str) -> str:
    """`text` for one cell: a quote before what a spreadsheet could take for a formula.

    NUL and lone surrogates, which no CSV reader takes, are shown as escapes.
    """
    return harmless(writable(text))


def harmless(text: str) -> str:
    """`cell` of a text that is known to be writable."""
    if text[:1] in _HARMLESS or not _FORMULA.match(text) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def writable(text: str) -> str:
    """`text` with escapes for NUL and lone surrogates."""
    return _UNWRITABLE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
