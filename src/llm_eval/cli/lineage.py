"""`llm-eval lineage`: where an adapter comes from, and what was measured of it."""

import argparse
from pathlib import Path
from typing import Any

from llm_eval.cli.database import open_storage
from llm_eval.cli.terminal import clean, output, write_json
from llm_eval.errors import ConfigError
from llm_eval.metrics.lineage import Ancestry
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.adapter_files import read_adapter
from llm_eval.registry import nearest


def execute(args: argparse.Namespace) -> int:
    """Print the tree; 0."""
    with open_storage(args, existing=True) as storage:
        tree = _tree(storage, _find(storage, args.ref))
    if args.json:
        write_json(tree)
        return 0
    for line in _lines(tree):
        output().print(clean(line), soft_wrap=True)
    return 0


def _find(storage: MetricsStorage, ref: str) -> Ancestry:
    """The adapter that `ref` means.

    Raises:
        ConfigError: there is none that this database knows.
    """
    digest = ref
    if Path(ref).is_dir():
        digest = read_adapter(ref).digest
    elif _is_run(storage, ref):
        model = storage.get_run(ref).recipe.get("model") or {}
        digest = model.get("adapter") or ""
        if not digest:
            raise ConfigError(f"run {ref} is of a model without an adapter, so it has no lineage")
    found = storage.lineage.find(digest) if digest else []
    if not found:
        raise ConfigError(
            f"adapter {ref!r} was not trained with this database ({storage.url}; "
            f"{nearest(ref, storage.lineage.names())}); its own record, if it has one, is "
            f"llm_eval_adapter.json in its directory"
        )
    return found[0]


def _is_run(storage: MetricsStorage, ref: str) -> bool:
    """Whether `ref` is written as a run's id or tag, or names a baseline and no adapter."""
    if ref.startswith("run_") or ref == "latest" or "=" in ref:
        return True
    return not storage.lineage.find(ref) and storage.baselines.find(ref) is not None


def _tree(storage: MetricsStorage, ancestry: Ancestry) -> dict[str, Any]:
    training = ancestry.training
    parents = storage.lineage.find(ancestry.parent) if ancestry.parent else []
    return {
        "adapter": ancestry.name,
        "digest": ancestry.digest,
        "created_at": ancestry.created_at,
        "base": dict(ancestry.base),
        "parent": _tree(storage, parents[0]) if parents else ancestry.parent,
        "training": {k: v for k, v in training.items() if k != "curve"},
        "runs": [_run(storage, run_id) for run_id in storage.lineage.runs_of(ancestry.digest)],
        "children": [child.digest for child in storage.lineage.children(ancestry.digest)],
    }


def _run(storage: MetricsStorage, run_id: str) -> dict[str, Any]:
    info = storage.get_run(run_id)
    metrics = (info.summary or {}).get("metrics") or {}
    values = {name: metric["value"] for name, metric in metrics.items()}
    return {"run_id": run_id, "task": info.recipe["task"], "status": info.status, "metrics": values}


def _lines(tree: dict[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    if isinstance(tree["parent"], dict):
        lines += _lines(tree["parent"], indent)
    elif not indent:
        lines.append(f"base      {tree['base'].get('name')} {tree['base'].get('digest', '')[:12]}")
    training = tree["training"]
    commit = (training.get("code") or {}).get("git_commit") or "?"
    rows, recipe = (str(training.get(name, ""))[:12] for name in ("dataset_hash", "recipe_digest"))
    lines += [
        f"└─ trained on {training.get('task')}: {training.get('data')}",
        f"   {training.get('setup')}, {training.get('steps')} steps, seed {training.get('seed')}",
        f"   rows {rows} · recipe {recipe} · code {commit[:12]}",
        f"   └─ {tree['adapter']} {tree['digest'][:12]} ({tree['created_at']})",
    ]
    for run in tree["runs"]:
        name, value = next(iter(run["metrics"].items()), ("", None))
        shown = "" if value is None else f"{name} {value:.4g}"
        lines.append(f"      ├─ {run['run_id']} {run['task']} {run['status']} {shown}")
    lines += [f"      └─ went on into {digest[:12]}" for digest in tree["children"]]
    return lines
