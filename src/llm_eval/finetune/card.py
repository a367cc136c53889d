"""A model card: README.md of an adapter, with what was measured and what got worse.

Head: YAML as the Hub reads it (https://huggingface.co/docs/hub/model-cards), with the results as
`model-index`. Names and texts from elsewhere stand where no character of them is active.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import yaml

from llm_eval.compare import wording
from llm_eval.compare.comparison import Comparison
from llm_eval.compare.markdown import code, prose, table
from llm_eval.compare.metric_comparison import MetricComparison
from llm_eval.finetune.card_sources import Card
from llm_eval.finetune.config import PLACES
from llm_eval.report.model_index import index_result
from llm_eval.types import Metric, RunInfo
from llm_eval.version import __version__

_EDGE = 0.1
"""Share of the training curve that stands for its beginning and its end."""
_MOST_SLICES = 20
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)


def model_card(card: Card) -> str:
    """The whole card as Markdown."""
    return "\n".join([*_head(card), *_body(card)]) + "\n"


def _body(card: Card) -> Iterator[str]:
    config = card.adapter.config
    yield f"# {code(card.adapter.path.name)}"
    yield ""
    yield (
        f"A LoRA adapter (rank {code(str(config.get('r')))}, alpha "
        f"{code(str(config.get('lora_alpha')))}) for {code(_base(card))}{_trained_for(card)}."
    )
    yield ""
    for comparison in card.comparisons:
        yield f"- **{code(_task(comparison.current))}** {prose(wording.headline(comparison))}"
    yield ""
    yield from _results(card)
    yield from _compared(card)
    yield from _training(card)
    yield from _lineage(card)
    yield from _use(card)
    yield from _limits(card)


def _head(card: Card) -> Iterator[str]:
    results = [index_result(run, run.summary or {"metrics": {}}) for run in card.runs]
    head: dict[str, Any] = {
        "base_model": _base(card),
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["lora", "peft", "llm-eval"],
    }
    if card.licence is not None:
        head["license"] = card.licence.lower()
    if results:
        head["model-index"] = [{"name": card.adapter.path.name, "results": results}]
    yield "---"
    yield yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=100).rstrip()
    yield "---"
    yield ""


def _results(card: Card) -> Iterator[str]:
    yield "## Results"
    yield ""
    if not card.runs:
        yield "It has not been evaluated."
        yield ""
        return
    yield (
        "A sample that failed or could not be scored counts as worst. Intervals are of the "
        "samples: they say how the value would move with other samples of the same kind."
    )
    yield ""
    head = ("task", "metric", ">value", ">95 % interval", ">n", ">failed", ">unscored")
    yield from table(head, (row for run in card.runs for row in _result_rows(run)))


def _result_rows(run: RunInfo) -> Iterator[Sequence[str]]:
    known = {m["name"]: Metric(**m) for m in run.recipe.get("metrics", ())}
    for name, numbers in (run.summary or {}).get("metrics", {}).items():
        metric = known.get(name, Metric(name))
        low, high = (wording.value(metric, bound) for bound in numbers["ci95"])
        yield (
            code(_task(run)),
            code(name),
            wording.value(metric, numbers["value"]),
            f"{low.removesuffix(' %')} … {high}",
            f"{numbers['n']:,}",
            f"{numbers['n_failed']:,}",
            f"{numbers['n_unscored']:,}",
        )


def _compared(card: Card) -> Iterator[str]:
    if not card.comparisons:
        return
    yield "## Against its base"
    yield ""
    head = ("task", "metric", ">n", ">base", ">tuned", ">change", "95 % interval", ">adj. p", "")
    yield from table(
        head,
        (
            (code(_task(one.current)), code(name), *_numbers(compared))
            for one in card.comparisons
            for name, compared in one.metrics.items()
        ),
    )
    yield "### What got worse"
    yield ""
    yield from _worse(card.comparisons)


def _numbers(one: MetricComparison) -> Iterator[str]:
    metric = one.metric
    yield f"{one.test.n:,}"
    yield wording.value(metric, one.baseline)
    yield wording.value(metric, one.current)
    yield wording.delta(metric, one.test.delta)
    yield wording.interval(metric, one.ci95.low, one.ci95.high)
    yield wording.p_value(one.p_adjusted).replace("<", "&lt;")
    yield one.verdict


def _worse(comparisons: Sequence[Comparison]) -> Iterator[str]:
    rows = list(_worse_rows(comparisons))
    if rows:
        head = ("task", "metric", "samples", ">n", ">base", ">tuned", ">change", "95 % interval")
        yield from table((*head, ">adj. p", ""), rows[:_MOST_SLICES])
        if len(rows) > _MOST_SLICES:
            yield f"And {len(rows) - _MOST_SLICES} more slices."
            yield ""
    else:
        yield "No metric and no slice is known to be worse than with the base."
        yield ""
    for comparison in comparisons:
        undecided = [n for n, c in comparison.metrics.items() if c.verdict == "inconclusive"]
        failing = len(comparison.changes.newly_failing)
        told = f"{failing:,} of {comparison.n_paired:,} samples that the base got right fail now"
        if undecided:
            told += f"; too few samples to rule a loss out in {', '.join(map(code, undecided))}"
        yield f"- {code(_task(comparison.current))}: {told}."
    yield ""
    yield "Only these tasks were measured; what else the adapter changed is not known."
    yield ""


def _worse_rows(comparisons: Iterable[Comparison]) -> Iterator[Sequence[str]]:
    for comparison in comparisons:
        task = code(_task(comparison.current))
        for label, metrics in {"": comparison.metrics, **comparison.slices}.items():
            for name, one in metrics.items():
                if one.verdict == "regressed":
                    yield (task, code(name), code(label) if label else "all", *_numbers(one))


def _training(card: Card) -> Iterator[str]:
    yield "## Training"
    yield ""
    lineage = _recorded(card)
    if not lineage:
        yield "Nothing is recorded of its training."
        yield ""
        return
    rows = [
        ("data", lineage.get("data")),
        ("seed", lineage.get("seed")),
        ("steps", lineage.get("steps")),
        ("time", _time(lineage.get("seconds"))),
        ("on", lineage.get("setup")),
        ("with", _versions(lineage.get("libraries"))),
        *_curve_rows(lineage.get("curve") or {}, (lineage.get("recipe") or {}).get("validate")),
    ]
    known = ((name, code(str(told))) for name, told in rows if told is not None)
    yield from table(("", ""), known)
    if isinstance(recipe := lineage.get("recipe"), Mapping):
        yield "<details><summary>Recipe</summary>"
        yield ""
        yield from table(("", ""), ((code(n), code(v)) for n, v in _leaves(recipe)))
        yield "</details>"
        yield ""


def _curve_rows(
    curve: Mapping[str, Any], validation: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    """How loss and validation went, in a line each."""
    if losses := [float(loss) for _, loss in curve.get("loss") or ()]:
        edge = max(1, round(len(losses) * _EDGE))
        first, last = fmean(losses[:edge]), fmean(losses[-edge:])
        yield "loss", f"{first:.3f} at first, {last:.3f} at last ({len(losses):,} readings)"
    if points := [(int(step), float(value)) for step, value in curve.get("validation") or ()]:
        name = str((validation or {}).get("metric", "validation"))
        shown = points if len(points) <= 6 else [*points[:3], *points[-3:]]
        told = ", ".join(f"{value:.3f} at step {step}" for step, value in shown)
        yield f"{name} on val", told if len(points) <= 6 else f"{told} (first and last three)"


def _lineage(card: Card) -> Iterator[str]:
    lineage, base = _recorded(card), (card.adapter.manifest or {}).get("base") or {}
    rows = [
        ("adapter, sha256", card.adapter.digest),
        ("base, sha256", base.get("digest")),
        ("trained further from", lineage.get("parent")),
        ("training rows, sha256", lineage.get("dataset_hash")),
        ("prompts, sha256", lineage.get("prompt_hash")),
        ("recipe, sha256", lineage.get("recipe_digest")),
        ("code", _code_version(lineage.get("code"))),
        ("runs", ", ".join(run.run_id for run in card.runs) or None),
        ("base's runs", ", ".join(c.baseline.run_id for c in card.comparisons) or None),
    ]
    yield "## Lineage"
    yield ""
    yield from table(("", ""), ((name, code(str(told))) for name, told in rows if told))


def _use(card: Card) -> Iterator[str]:
    name, base = _word(card.adapter.path.name, "ADAPTER"), _word(_base(card), "BASE")
    yield "## How to use it"
    yield ""
    yield "```python"
    yield "from peft import PeftModel"
    yield "from transformers import AutoModelForCausalLM"
    yield ""
    yield f'base = AutoModelForCausalLM.from_pretrained("{base}")  # its directory or name'
    yield f'model = PeftModel.from_pretrained(base, "{name}")'
    yield "```"
    yield ""
    yield "```sh"
    task = _word(str(_recorded(card).get("task", "TASK")), "TASK")
    yield f"llm-eval run {task} --model hf/{base}:{name}"
    yield f"llm-eval serve vllm/{base} --adapter {name}"
    yield f"llm-eval adapter export {name} --format gguf-adapter --output {name}.gguf"
    yield f"llama-server --model {base}.gguf --lora {name}.gguf"
    yield "```"
    yield ""


def _limits(card: Card) -> Iterator[str]:
    yield "## Licence"
    yield ""
    told = f"As its base: {code(card.licence)}." if card.licence else "That of its base."
    yield f"{told} The texts it was trained on may have terms of their own."
    yield ""
    yield f"<sub>Written by llm-eval {__version__} from the runs named above.</sub>"


def _recorded(card: Card) -> Mapping[str, Any]:
    found = (card.adapter.manifest or {}).get("lineage")
    return found if isinstance(found, Mapping) else {}


def _base(card: Card) -> str:
    recorded = ((card.adapter.manifest or {}).get("base") or {}).get("name")
    told = recorded or card.adapter.config.get("base_model_name_or_path") or "its base"
    return _without_directories(str(told))


def _without_directories(text: str) -> str:
    """The last part of a path, which is true on one machine only, and nobody's business."""
    return text.rstrip("/").rpartition("/")[2] if text.startswith(("/", "~", ".")) else text


def _trained_for(card: Card) -> str:
    task = _recorded(card).get("task")
    return f", trained for the task {code(str(task))}" if task else ""


def _task(run: RunInfo) -> str:
    return f"{run.recipe.get('task', run.task)}/{run.recipe.get('split', 'test')}"


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else f"{float(seconds) / 60:.1f} minutes"


def _versions(found: Mapping[str, Any] | None) -> str | None:
    return ", ".join(f"{n} {v}" for n, v in found.items()) if found else None


def _code_version(found: Mapping[str, Any] | None) -> str | None:
    if not found:
        return None
    commit = found.get("git_commit")
    return f"llm-eval {found.get('llm_eval')}{f', git {commit}' if commit else ''}"


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, f"{path}{name}.")
        elif inner not in (None, [], ()) and f"{path}{name}" not in PLACES:
            yield f"{path}{name}", _without_directories(str(inner))


def _word(text: str, otherwise: str) -> str:
    """`text` where it can stand in a command as it is."""
    return text if _PLAIN.fullmatch(text) and shlex.quote(text) == text else otherwise
