"""What a run's table says of its judge: verdicts by state, canaries, own cost, warnings."""

from collections.abc import Iterator, Mapping
from typing import Any

from llm_eval.cli.terminal import clean

_WORDS = {
    "scored": "scored",
    "abstained": "abstained",
    "parse_error": "unreadable",
    "refused": "refused",
    "transport_error": "not answered",
    "error": "errors",
    "no_answer": "without an answer (worst, not asked)",
    "empty_reply": "empty (worst, not asked)",
    "no_reply": "without a reply",
}


def judge_lines(run: Mapping[str, Any]) -> Iterator[str]:
    """Lines below the table, for each judge of the run."""
    for block in run.get("judge", ()):
        names = ", ".join(block["judges"])
        yield clean(f"{block['metric']} · {names} · {block['rubric']} · scale: {block['mode']}")
        yield f"  verdicts: {_states(block['states'])}"
        yield f"  {_canaries(block['canaries'])}"
        yield from _usage(block["usage"])
        for warning in block["warnings"]:
            yield clean(f"  warning: {warning}")


def _states(states: Mapping[str, int]) -> str:
    shown = [f"{n} {_WORDS.get(name, name)}" for name, n in states.items() if n or name == "scored"]
    return " · ".join(shown)


def _canaries(canaries: Mapping[str, Any] | None) -> str:
    if not canaries or not canaries["n"]:
        return "canaries: none for this rubric"
    passed = len(canaries["passed"])
    said = f"canaries: {passed} of {canaries['n']} were taken for good replies"
    controls = canaries["controls"]
    if controls["n"]:
        said += f" · the reference itself: {controls['passed']} of {controls['n']} passed"
    return said


def _usage(usage: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, used in usage.items():
        cost = "price unknown" if used["cost_usd"] is None else f"${used['cost_usd']:,.4f}"
        tokens = f"{used['prompt_tokens']:,} + {used['completion_tokens']:,} tokens"
        cached = f" ({used['cache_hits']} from the cache)" if used["cache_hits"] else ""
        yield clean(f"  {name}: {used['calls']} calls{cached} · {tokens} · {cost}")
