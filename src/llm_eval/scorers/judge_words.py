"""What a run's summary says of its judge, in words: for terminal, page, comparison and gate.

judge · gpt-4o-mini · qa_correctness · scale: levels
  verdicts: 118 scored · 2 unreadable
  canaries: 0 of 8 were taken for good replies · the reference itself: 5 of 5 passed

Texts are as they are stored; whoever shows them makes them harmless.
"""

from collections.abc import Iterator, Mapping
from typing import Any

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
_SILENT = ("abstained", "parse_error", "refused", "transport_error", "error")


def judge_title(block: Mapping[str, Any]) -> str:
    """Metric, judges, rubric and scale."""
    names = ", ".join(block["judges"])
    return f"{block['metric']} · {names} · {block['rubric']} · scale: {block['mode']}"


def judge_facts(block: Mapping[str, Any]) -> Iterator[str]:
    """Verdicts by state, canaries, biases, and what the judge took."""
    yield f"verdicts: {_states(block['states'])}"
    yield _canaries(block["canaries"])
    yield from _measured(block)
    yield from _usage(block["usage"])


def judge_alarms(block: Mapping[str, Any]) -> list[str]:
    """What speaks against the judge."""
    return list(block["warnings"])


def silence(block: Mapping[str, Any]) -> str:
    """`2 unreadable · 1 not answered`: verdicts that are none; empty where there are none."""
    states = block["states"]
    return _states({name: states[name] for name in _SILENT if states.get(name)})


def block_of(summary: Mapping[str, Any] | None, metric: str) -> Mapping[str, Any] | None:
    """The block of the judge that gives `metric`; None where no judge does."""
    blocks = [b for b in (summary or {}).get("judge", ()) if gives(b["metric"], metric)]
    return max(blocks, key=lambda block: len(block["metric"]), default=None)


def gives(judge: str, metric: str) -> bool:
    """Whether a judge whose headline metric is `judge` may give `metric`."""
    return metric == judge or metric.startswith(f"{judge}_")


def _states(states: Mapping[str, int]) -> str:
    shown = [f"{n} {_WORDS.get(name, name)}" for name, n in states.items() if n or name == "scored"]
    return " · ".join(shown)


def _canaries(canaries: Mapping[str, Any] | None) -> str:
    if not canaries or not canaries["n"]:
        return "canaries: none for this rubric"
    passed = len(canaries["passed"])
    said = f"canaries: {passed} of {canaries['n']} were taken for good replies"
    if canaries["unreadable"]:
        said += f", {len(canaries['unreadable'])} got no verdict"
    controls = canaries["controls"]
    if controls["n"]:
        said += f" · the reference itself: {controls['passed']} of {controls['n']} passed"
    return said


def _measured(block: Mapping[str, Any]) -> Iterator[str]:
    length = block["length_correlation"]
    said = "not known, under 20 verdicts or all alike" if length is None else f"{length:+.2f}"
    yield f"rank correlation of score and length: {said}"
    if block["self_consistency"] is not None:
        yield f"draws of one reply that agree with their majority: {block['self_consistency']:.1%}"
    if block["disagreement"] is not None:
        yield f"judges differ on a reply by {block['disagreement']:.2f} on the mean, of 1"


def _usage(usage: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, used in usage.items():
        cost = "price unknown" if used["cost_usd"] is None else f"${used['cost_usd']:,.4f}"
        tokens = f"{used['prompt_tokens']:,} + {used['completion_tokens']:,} tokens"
        cached = f" ({used['cache_hits']} from the cache)" if used["cache_hits"] else ""
        yield f"{name}: {used['calls']} calls{cached} · {tokens} · {cost}"
