"""The calibration of a judge, as people read it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llm_eval.cli.summary import percent
from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, output


def print_calibration(report: Mapping[str, Any]) -> None:
    """Print agreement, confusion by level, corrected numbers, and what to be careful of."""
    console = output()
    console.print()
    judges = ", ".join(report["judges"])
    title = f"{report['metric']} · {judges} · {report['rubric']} · {report['run_id']}"
    console.print(clean(title), style="bold")
    console.print(
        f"{report['n_labelled']} of {report['n_judged']} judged replies are labelled, by "
        f"{clean(', '.join(report['raters']))} · scale: {report['mode']}\n"
    )
    _agreement(report).print()
    for name, block in report["dimensions"].items():
        _confusion(name, block).print()
    if (people := report["people"]) is not None:
        _people(people).print()
    _corrected(report["corrected"]).print()
    for line in (*_pass_lines(report["pass"]), *_other_lines(report)):
        console.print(line)
    if (relied_on := report["gate_relies_on"]) != [report["raters"]]:
        raters = "; ".join(", ".join(names) for names in relied_on)
        console.print(clean(f"a gate relies on the calibrations by: {raters}"))
    for warning in report["warnings"]:
        console.print(f"warning: {warning}")
    if report.get("next"):
        console.print(clean(f"label next: {', '.join(report['next'])}"))


def _agreement(report: Mapping[str, Any]) -> Table:
    listing = Table("judge and people", ">agreement", ">kappa", ">95 % interval", ">AC1")
    blocks = {"pass": report["pass"], **report["dimensions"]}
    for name, block in blocks.items():
        kappa = block["kappa"]
        listing.add_row(
            name,
            percent(block["agreement"]),
            _number(kappa["value"]),
            _interval(kappa["ci95"], 2),
            _number(block["ac1"]),
        )
    return listing


def _people(people: Mapping[str, Any]) -> Table:
    title = f"raters among themselves, {people['n_items']} replies"
    listing = Table(title, ">all alike", ">Krippendorff's alpha", ">95 % interval")
    for name, alpha in people["alpha"].items():
        alike = percent(people["alike"][name])
        listing.add_row(name, alike, _number(alpha["value"]), _interval(alpha["ci95"], 2))
    return listing


def _confusion(name: str, block: Mapping[str, Any]) -> Table:
    levels = block["levels"]
    listing = Table(f"{name}: people", *(f">judge: {clean(level)}" for level in levels))
    for level, row in zip(levels, block["confusion"], strict=True):
        listing.add_row(clean(level), *map(str, row))
    return listing


def _corrected(corrected: Mapping[str, Any]) -> Table:
    listing = Table("", ">judge says", ">corrected", ">95 % interval", "&method", ">to halve it")
    for name in ("score", "pass"):
        block = corrected[name]
        needed = block["labels_to_halve"]
        listing.add_row(
            name,
            percent(block["raw"]),
            percent(block["value"]),
            _interval(block["ci95"], 1, 100),
            f"{block['method']}, a label is worth {block['worth_of_a_label']:.2f}",
            "more replies" if needed is None else f"{needed} labels",
        )
    rate = corrected["pass_rogan_gladen"]
    if rate is not None:
        said = "Rogan–Gladen" if rate["reason"] is None else "no better than chance"
        raw = percent(corrected["pass"]["raw"])
        shown = _interval(rate["ci95"], 1, 100)
        listing.add_row("pass", raw, percent(rate["value"]), shown, said, "")
    return listing


def _pass_lines(block: Mapping[str, Any]) -> Iterator[str]:
    cells = block["confusion"]
    yield (
        f"pass: both {cells['both']} · only people {cells['only_people']} · "
        f"only the judge {cells['only_judge']} · neither {cells['neither']}"
    )
    for name in ("sensitivity", "specificity"):
        rate = block[name]
        shown = _interval(rate["ci95"], 1, 100)
        yield f"{name}: {percent(rate['value'])} ({shown}; {rate['n']} replies)"


def _other_lines(report: Mapping[str, Any]) -> Iterator[str]:
    if report["people"] is None:
        yield "raters among themselves: not known, no reply has labels of two"
    length = report["length"]
    yield (
        f"rank correlation with the reply's length: score {_number(length['score'])}, "
        f"error {_number(length['error'])}"
    )
    if (probes := report.get("probes")) is None:
        yield "order and repetition: not measured (--probe N asks the judge)"
        return
    yield (
        f"both orders of {probes['n_pairs']} pairs: {percent(probes['swap_flip_rate'])} changed; "
        f"{percent(probes['first_position_rate'])} always the first, "
        f"{percent(probes['second_position_rate'])} always the second"
    )
    yield (
        f"{probes['n_draws']} draws of {probes['n_opinions']} replies: "
        f"{percent(probes['self_consistency'])} alike"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _interval(ci95: Sequence[float | None], digits: int, scale: float = 1.0) -> str:
    low, high = ci95
    if low is None or high is None:
        return "–"
    shown = (round(bound * scale, digits) + 0.0 for bound in (low, high))  # + 0.0: no minus zero
    return " – ".join(f"{bound:.{digits}f}" for bound in shown)
