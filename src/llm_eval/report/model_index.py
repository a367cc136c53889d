"""Results as the Hub's `model-index`: YAML for the head of a model's README.

https://huggingface.co/docs/hub/model-cards#evaluation-results
"""

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import yaml

from llm_eval.errors import ConfigError
from llm_eval.metrics.collector import collect
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.types import RunInfo

_TASK_TYPE = "text-generation"


def write_model_index(storage: MetricsStorage, infos: Sequence[RunInfo], stream: BinaryIO) -> int:
    """Write one result a complete run; the number of results.

    Raises:
        ConfigError: no run is complete, or they are of several models: the Hub would show them all
            under one name.
    """
    complete = [info for info in infos if info.status == "complete"]
    if not complete:
        raise ConfigError("a model card takes complete runs, and none of these is complete")
    models = sorted({info.model for info in complete})
    if len(models) > 1:
        raise ConfigError(
            f"a model card is of one model, not {len(models)}; --model SPEC takes one of "
            f"{', '.join(models)}"
        )
    results = [
        index_result(info, info.summary or collect(storage, info.run_id).to_dict())
        for info in complete
    ]
    card = {"model-index": [{"name": models[0].partition("@")[0], "results": results}]}
    text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=100)
    stream.write(f"---\n{text}---\n".encode(errors="replace"))
    return len(complete)


def index_result(info: RunInfo, numbers: Mapping[str, Any]) -> dict[str, Any]:
    """One run as an entry of `model-index`.

    Args:
        info: the run.
        numbers: its `--json` object.
    """
    recipe = info.recipe
    task = str(recipe.get("task", info.task))
    return {
        "task": {"type": _TASK_TYPE, "name": task},
        "dataset": {
            "name": f"{task} (version {recipe.get('task_version', '?')})",
            "type": task,
            "split": recipe.get("split"),
            "revision": recipe.get("dataset_hash"),
        },
        "metrics": [_metric(name, metric) for name, metric in numbers["metrics"].items()],
        "source": {"name": f"llm-eval {info.run_id}", "url": "https://pypi.org/project/llm-eval/"},
    }


def _metric(name: str, metric: Mapping[str, Any]) -> dict[str, Any]:
    low, high = metric["ci95"]
    return {
        "type": name,
        "value": metric["value"],
        "name": name,
        "verified": False,
        "args": {"ci95_low": low, "ci95_high": high, "n": metric["n"]},
    }
