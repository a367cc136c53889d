"""`llm-eval baseline`: which run a name stands for; never decided by a gate, always by someone."""

import argparse
import getpass
import os
import subprocess
from dataclasses import asdict

from llm_eval.ci.baseline_file import FiledBaseline, from_database, read_baselines, write_baselines
from llm_eval.ci.evidence import Evidence, from_storage
from llm_eval.cli.database import open_storage
from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.errors import ConfigError
from llm_eval.metrics.baselines import Promotion
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.registry import unknown


def execute(args: argparse.Namespace) -> int:
    """Do the action; 0, or an error."""
    actions = {
        "promote": _promote,
        "show": _show,
        "list": _list,
        "export": _export,
        "import": _import,
    }
    with open_storage(args, existing=args.action != "import") as storage:
        actions[args.action](args, storage)
    return 0


def _promote(args: argparse.Namespace, storage: MetricsStorage) -> None:
    evidence = from_storage(storage, args.run)
    _check_whole(evidence, with_errors=args.with_errors)
    promotion = storage.baselines.promote(
        args.name, evidence.info.run_id, by=args.by or _who(), note=args.note
    )
    _tell(args, promotion)


def _show(args: argparse.Namespace, storage: MetricsStorage) -> None:
    history = storage.baselines.history(args.name)
    if not history:
        known = [promotion.name for promotion in storage.baselines.current()]
        raise ConfigError(unknown("baseline", args.name, known))
    if args.json:
        write_json({"baseline": asdict(history[0]), "history": [asdict(p) for p in history]})
        return
    _print(history)


def _list(args: argparse.Namespace, storage: MetricsStorage) -> None:
    found = storage.baselines.current()
    if args.json:
        write_json([asdict(promotion) for promotion in found])
    elif found:
        _print(found)
    else:
        notes().print("there are no baselines yet: llm-eval baseline promote NAME RUN")


def _export(args: argparse.Namespace, storage: MetricsStorage) -> None:
    chosen = [_find(storage, name) for name in args.names] or storage.baselines.current()
    if not chosen:
        raise ConfigError("there are no baselines to export: llm-eval baseline promote NAME RUN")
    filed = [from_database(storage, promotion) for promotion in chosen]
    write_baselines(args.file, filed)
    if args.json:
        write_json([asdict(promotion) for promotion in chosen])
        return
    n_results = sum(len(baseline.evidence.table.keys) for baseline in filed)
    baselines = f"{len(filed)} baseline{'' if len(filed) == 1 else 's'}"
    output().print(clean(f"{args.file}: {baselines}, {n_results:,} results"))


def _import(args: argparse.Namespace, storage: MetricsStorage) -> None:
    found = read_baselines(args.file)
    for baseline in found:
        _store(storage, baseline)
    if args.json:
        write_json([asdict(baseline.promotion) for baseline in found])
        return
    _print([baseline.promotion for baseline in found])


def _store(storage: MetricsStorage, baseline: FiledBaseline) -> None:
    evidence = baseline.evidence
    storage.baselines.import_run(evidence.info, evidence.table, evidence.outcomes)
    storage.baselines.record(baseline.promotion)


def _find(storage: MetricsStorage, name: str) -> Promotion:
    found = storage.baselines.find(name)
    if found is None:
        raise ConfigError(unknown("baseline", name, [p.name for p in storage.baselines.current()]))
    return found


def _check_whole(evidence: Evidence, *, with_errors: bool) -> None:
    """A baseline with holes would make every later comparison incomplete."""
    info = evidence.info
    if evidence.faults:
        raise ConfigError(f"run {info.run_id} cannot be a baseline: {'; '.join(evidence.faults)}")
    n_without = sum(status != "scored" for status in evidence.outcomes.statuses)
    if n_without and not with_errors:
        raise ConfigError(
            f"run {info.run_id} cannot be a baseline: {n_without} of {info.n_total} samples have "
            f"no score; run it again, or promote it --with-errors"
        )


def _who() -> str:
    if actor := os.environ.get("GITHUB_ACTOR"):
        return actor
    try:
        asked = subprocess.run(
            ["git", "config", "user.email"],  # noqa: S607 - whichever git the user has
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
        return asked.stdout.strip() or getpass.getuser()
    except (OSError, subprocess.SubprocessError, KeyError):
        return "unknown"


def _tell(args: argparse.Namespace, promotion: Promotion) -> None:
    if args.json:
        write_json(asdict(promotion))
        return
    output().print(
        clean(f"{promotion.name} is {promotion.run_id}, promoted by {promotion.promoted_by}")
    )


def _print(promotions: list[Promotion]) -> None:
    shown = Table("name", "run", "promoted", "~by", "&note")
    for promotion in promotions:
        day = promotion.promoted_at[:16].replace("T", " ")
        texts = (promotion.name, promotion.run_id, day, promotion.promoted_by, promotion.note)
        shown.add_row(*map(clean, texts))
    shown.print()
