"""Texts that try to talk a judge into a pass: our own, of ten kinds.

None of them answers any question, so a judge that passes one has been talked into it. Read from
`injections.jsonl` beside this file: ["claim-01", "claim", "…"]
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec


class Injection(NamedTuple):
    """One text."""

    id: str
    kind: str
    """master_key, claim, instruction, system, false_end, fake_verdict, pressure, …"""
    text: str


@cache
def injections() -> tuple[Injection, ...]:
    """All of them, in their order."""
    data = Path(__file__).with_suffix(".jsonl").read_bytes()
    return tuple(msgspec.json.decode(line, type=Injection) for line in data.splitlines())
