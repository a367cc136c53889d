"""What a run's table says of its judge: verdicts by state, canaries, biases, own cost, warnings."""

from collections.abc import Iterator, Mapping
from typing import Any

from llm_eval.cli.terminal import clean
from llm_eval.scorers.judge_words import judge_alarms, judge_facts, judge_title


def judge_lines(run: Mapping[str, Any]) -> Iterator[str]:
    """Lines below the table, for each judge of the run."""
    for block in run.get("judge", ()):
        yield clean(judge_title(block))
        for fact in judge_facts(block):
            yield clean(f"  {fact}")
        for alarm in judge_alarms(block):
            yield clean(f"  warning: {alarm}")
