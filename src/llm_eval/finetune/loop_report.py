"""A loop's report as Markdown: did it help, on what, by how much, did it break anything?

    # json_smollm2: pass
    **json** Improved: field_f1 rose from 1.5 % to 45.1 % (+43.6 points, …)
    …

Names that a file or a model gave are escaped as in a comparison.
"""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

from llm_eval.ci import job_summary
from llm_eval.compare import wording
from llm_eval.compare.markdown import code, markdown, prose, table
from llm_eval.compare.metric_comparison import MetricComparison
from llm_eval.compare.report import write_report
from llm_eval.finetune.loop import LoopResult, Measured
from llm_eval.metrics.atomic_file import replacing

_EVERYTHING = "all"
_HEAD = (
    "metric", "samples", ">n", ">base", ">tuned", ">change", "95 % interval", ">adj. p", "verdict"
)  # fmt: skip


def loop_report(result: LoopResult) -> str:
    """The whole report."""
    return "\n".join(_lines(result)) + "\n"


def write_loop_report(result: LoopResult, card: str) -> Path:
    """Write report.md, a comparison of each task as Markdown and HTML, and the adapter's card.

    Args:
        result: of `Loop.run`.
        card: the model card, which becomes the adapter's README.md.

    Raises:
        ConfigError: the directory cannot be written.
    """
    directory = result.config.directory
    path = directory / "report.md"
    with replacing(path) as stream:
        stream.write(loop_report(result).encode())
    for one in result.measured:
        name = _file_name(one)
        with replacing(directory / f"{name}.md") as stream:
            stream.write(markdown(one.report).encode())
        write_report(one.report, directory / f"{name}.html")
    with replacing(result.adapter.path / "README.md") as stream:
        stream.write(card.encode())
    return path


def _lines(result: LoopResult) -> Iterator[str]:
    first, *others = result.measured
    yield f"# {code(result.config.name)}: {result.status}"
    yield ""
    for one in result.measured:
        yield f"- **{code(_task(one))}** {prose(wording.headline(one.comparison))}"
    yield ""
    yield "## Did it help?"
    yield ""
    yield from _measured(first)
    yield "## Did it break anything?"
    yield ""
    for one in others:
        yield from _measured(one)
    if not others:
        yield "Only the task it was trained for was measured."
        yield ""
    yield from _gates(result)
    yield "## What was trained"
    yield ""
    yield from table(("", ""), _training(result))
    yield "## The same by hand"
    yield ""
    yield "```sh"
    yield from commands(result)
    yield "```"


def _training(result: LoopResult) -> Iterator[tuple[str, str]]:
    """What the manifest tells of the training, a row each."""
    lineage = (result.adapter.manifest or {}).get("lineage") or {}
    losses = [loss for _, loss in (lineage.get("curve") or {}).get("loss") or ()]
    edge = max(1, len(losses) // 10)
    told = {
        "base": result.recipe.base,
        "rows": lineage.get("data"),
        "on": lineage.get("setup"),
        "steps": lineage.get("steps"),
        "time": f"{lineage.get('seconds', 0) / 60:.1f} minutes",
        "peak memory": f"{lineage.get('peak_memory_bytes', 0) / 1e9:.1f} GB",
        "loss": f"{fmean(losses[:edge]):.3f} at first, {fmean(losses[-edge:]):.3f} at last"
        if losses
        else None,
        "best validation": "step {}: {:.3f}".format(*lineage["best"])
        if lineage.get("best")
        else None,
        "seed": result.recipe.seed,
        "adapter": result.adapter.digest,
    }
    for name, value in told.items():
        if value is not None:
            yield name, code(str(value))


def _measured(one: Measured) -> Iterator[str]:
    comparison = one.comparison
    yield f"{code(_task(one))}, {comparison.n_paired:,} samples, each asked of both models."
    yield ""
    yield from table(_HEAD, _rows(one))
    yield (
        f"Base {code(one.base.run_id)}, tuned {code(one.tuned.run_id)}; every slice and the "
        f"changed replies stand in [{_file_name(one)}.md]({_file_name(one)}.md)."
    )
    yield ""


def _rows(one: Measured) -> Iterator[Sequence[str]]:
    """Every metric over all samples, then within each group that the configuration names."""
    labels = [
        label
        for group in one.measurement.groups
        for label in sorted(one.comparison.slices)
        if label.startswith(f"{group}=")
    ]
    for name, whole in one.comparison.metrics.items():
        yield _row(name, _EVERYTHING, whole)
        for label in labels:
            if (within := one.comparison.slices[label].get(name)) is not None:
                yield _row("", label, within)


def _row(name: str, samples: str, one: MetricComparison) -> Sequence[str]:
    metric, test = one.metric, one.test
    return (
        code(name) if name else "",
        samples if samples == _EVERYTHING else code(samples),
        str(test.n),
        wording.value(metric, one.baseline),
        wording.value(metric, one.current),
        wording.delta(metric, test.delta),
        wording.interval(metric, one.ci95.low, one.ci95.high),
        wording.p_value(one.p_adjusted).replace("<", "&lt;"),
        one.verdict,
    )


def _gates(result: LoopResult) -> Iterator[str]:
    for gate in result.gates:
        yield job_summary.markdown(gate).rstrip()
        yield ""


def commands(result: LoopResult) -> Iterator[str]:
    """The commands that do what the loop did."""
    config, recipe = result.config, result.recipe
    base = f"hf/{recipe.base}"
    for one in result.measured:
        yield _run(one, base, config.seed)
    yield _command("train", config.resolve(config.recipe))
    for one in result.measured:
        yield _run(one, f"{base}:{result.adapter.path}", config.seed)
    for one in result.measured:
        yield _command("compare", one.base.run_id, one.tuned.run_id)
    rules = config.resolve(config.thresholds)
    for one in result.measured:
        against = ("--baseline", one.base.run_id, "--thresholds", rules)
        yield _command("gate", one.tuned.run_id, *against)


def _run(one: Measured, model: str, seed: int) -> str:
    given = one.measurement
    options = {
        "--model": model,
        "--split": None if given.split == "test" else given.split,
        "--limit": given.limit,
        "--max-tokens": given.max_tokens,
        "--seed": seed or None,
    }
    words = [word for name, value in options.items() if value is not None for word in (name, value)]
    return _command("run", given.task, *words)


def _command(*words: object) -> str:
    """As a shell takes it, whatever a path is called."""
    return shlex.join(["llm-eval", *map(str, words)])


def _task(one: Measured) -> str:
    return str(one.base.recipe.get("task", one.base.task))


def _file_name(one: Measured) -> str:
    safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in _task(one))
    return f"comparison-{safe}"
