"""`llm-eval judge pairwise`: two runs or more, sample by sample: whose replies are better.

llm-eval judge pairwise RUN_A RUN_B --judge-model SPEC
llm-eval judge pairwise RUN_A RUN_B RUN_C --judge-model SPEC,SPEC --limit 200 --output duels.jsonl
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llm_eval.cli.database import open_storage
from llm_eval.cli.summary import interval, percent
from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.errors import ConfigError
from llm_eval.metrics import codec
from llm_eval.metrics.atomic_file import replacing
from llm_eval.models.budget import Budget
from llm_eval.review.duels import Play, play
from llm_eval.review.items import rubric_of
from llm_eval.review.standings import rows, standings
from llm_eval.scorers.judge_models import build_judges


def execute(args: argparse.Namespace) -> int:
    """Set the runs against each other; 0, or 4 where a sample has no verdict."""
    if args.output is not None and args.output.suffix != ".jsonl":
        raise ConfigError(f"--output {args.output}: the name must end in .jsonl")
    with open_storage(args, existing=True) as storage:
        runs = [storage.get_run(ref) for ref in args.runs]
        rubric = rubric_of(runs[0], args.rubric)
        cache = None if args.no_cache else storage.cache()
        judges = build_judges(args.judge_model, cache=cache, budget=Budget(args.max_cost))
        how = Play(limit=args.limit, seed=args.seed, concurrency=args.concurrency)
        played = play(runs, judges, rubric, how, storage)
    report = standings(played, [judge.name for judge in judges])
    report |= {"rubric": rubric.name, "usage": {judge.name: judge.to_dict() for judge in judges}}
    if args.output is not None:
        _write(args.output, rows(played))
    write_json(report) if args.json else print_standings(report)
    return 0 if report["status"] == "complete" else 4


def print_standings(report: Mapping[str, Any]) -> None:
    """Print who won, what speaks against the judge, and the ranking of several runs."""
    console = output()
    console.print()
    title = f"{', '.join(report['judges'])} · {report['rubric']} · {report['n_samples']} samples"
    console.print(clean(title), style="bold")
    numbers = {run["run_id"]: number for number, run in enumerate(report["runs"], start=1)}
    for run in report["runs"]:
        console.print(clean(f"  {numbers[run['run_id']]}  {run['run_id']} · {run['model']}"))
    console.print()
    _pairs(report, numbers).print()
    if report["ranking"] is not None:
        _ranking(report["ranking"], numbers).print()
    for line in _lines(report):
        console.print(clean(line))


def _pairs(report: Mapping[str, Any], numbers: Mapping[str, int]) -> Table:
    """The runs by their numbers in the heading: ids and names would push the figures out."""
    columns = (">wins", ">ties", ">losses", ">win rate", ">95 % interval", ">p", ">no verdict")
    listing = Table("runs", *columns)
    for pair in report["pairs"]:
        without = sum(pair["no_verdict"].values()) + pair["n_missing"]
        listing.add_row(
            f"{numbers[pair['first']]} : {numbers[pair['second']]}",
            *(str(pair[name]) for name in ("wins", "ties", "losses")),
            percent(pair["win_rate"]),
            interval(pair["ci95"]),
            "–" if pair["p_value"] is None else f"{pair['p_value']:.2g}",
            str(without),
        )
    return listing


def _ranking(ranking: Any, numbers: Mapping[str, int]) -> Table:
    listing = Table("run", "~Bradley–Terry", ">Elo", ">rank")
    for row in ranking:
        best, worst = row["ranks"]
        rank = str(best) if best == worst else f"{best}–{worst}"
        number = str(numbers[row["run_id"]])
        listing.add_row(number, clean(row["model"]), f"{row['elo']:.0f}", rank)
    return listing


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    bias = report["bias"]
    yield "a win rate counts a tie half; an answer that turns with the order is a tie"
    yield f"turned with the order: {_rate(bias['flip_rate'])}" + (
        f"; always the first {percent(bias['first_position_rate']['value'])}, "
        f"always the second {percent(bias['second_position_rate']['value'])}"
        if bias["flip_rate"]["n"]
        else ""
    )
    yield f"won by the longer reply: {_rate(bias['longer_wins'])}"
    if (same := sum(pair["identical"] for pair in report["pairs"])) > 0:
        yield f"equal to the letter, ties without a call: {same}"
    if report["disagreement"] is not None:
        yield f"judges of the panel disagree on {percent(report['disagreement'])}"
    canaries = report["canaries"]
    yield (
        f"canaries: {len(canaries['passed'])} of {canaries['n']} were not worse than the reference"
        if canaries["n"]
        else "canaries: none, there is no reference to set them against"
    )
    for name, used in report["usage"].items():
        cost = "price unknown" if used["cost_usd"] is None else f"${used['cost_usd']:,.4f}"
        tokens = f"{used['prompt_tokens']:,} + {used['completion_tokens']:,} tokens"
        yield f"{name}: {used['calls']} calls ({used['cache_hits']} cached) · {tokens} · {cost}"
    for warning in report["warnings"]:
        yield f"warning: {warning}"
    if report["stopped"] is not None:
        yield f"stopped: {report['stopped']}"


def _write(path: Path, found: Iterator[Mapping[str, Any]]) -> None:
    with replacing(path) as stream:
        stream.writelines(codec.to_json(row).encode() + b"\n" for row in found)
    notes().print(f"written: {path}")


def _rate(rate: Mapping[str, Any]) -> str:
    if not rate["n"]:
        return "– (no such pairs)"
    return f"{percent(rate['value'])} ({interval(rate['ci95'])}; {rate['n']} pairs)"
