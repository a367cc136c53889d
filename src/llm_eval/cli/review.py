"""`llm-eval review`: label replies by hand, blind to model and judge.

llm-eval review label RUN --rater mk           in the terminal, keyboard only
llm-eval review export RUN --output FILE.csv   to label elsewhere
llm-eval review import RUN FILE.csv --rater mk
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from llm_eval.cli.database import open_storage
from llm_eval.cli.keyboard import Keyboard
from llm_eval.cli.terminal import notes, write_json
from llm_eval.errors import ConfigError
from llm_eval.metrics.atomic_file import replacing
from llm_eval.metrics.labels import Label
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.review.calibration import judged_replies, pair_up
from llm_eval.review.items import Item, by_name, items_of, rubric_of, shuffled
from llm_eval.review.label_file import read_labels, write_labels
from llm_eval.review.next_labels import next_replies
from llm_eval.review.session import HELP, LabelSession
from llm_eval.scorers.rubric import Rubric
from llm_eval.types import RunInfo


@dataclass(frozen=True, slots=True)
class _Work:
    """What an action works on."""

    storage: MetricsStorage
    info: RunInfo
    rubric: Rubric
    items: Sequence[Item]


def execute(args: argparse.Namespace) -> int:
    """Label, export or import."""
    with open_storage(args, existing=True) as storage:
        info = storage.get_run(args.run)
        rubric = rubric_of(info, args.rubric, args.metric)
        items = items_of(storage, info, rubric)
        if not items:
            raise ConfigError(f"run {info.run_id} has no replies to label")
        action = {"label": _label, "export": _export, "import": _import}[args.action]
        return action(args, _Work(storage, info, rubric, items))


def _label(args: argparse.Namespace, work: "_Work") -> int:
    done = _known(work, args.rater)
    waiting = [item for item in shuffled(work.items, args.seed) if item.item not in done]
    if args.next:
        waiting = _most_useful(args, work, waiting)
    waiting = waiting[: args.limit]
    if not waiting:
        notes().print(f"{args.rater} has labelled all {len(work.items)} replies")
        return 0
    notes().print(HELP.format(top="…"))
    with Keyboard() as keyboard:
        session = LabelSession(
            waiting,
            work.rubric,
            work.storage.labels,
            keyboard,
            rater=args.rater,
            now=_now,
            drawn="next" if args.next else "random",
        )
        try:
            session.run()
        finally:  # also when it is broken off: every label is stored when it is given
            known = _known(work, args.rater).keys()
            left = len(work.items) - len(known & by_name(work.items).keys())
            stored = len(known - done.keys())
            notes().print(f"{stored} labels stored, {left} replies left; the same command goes on")
    return 0


def _most_useful(args: argparse.Namespace, work: "_Work", waiting: list[Item]) -> list[Item]:
    judged = judged_replies(work.storage, work.info, work.rubric, args.metric)
    pairs = pair_up(judged, work.storage.labels.given(work.rubric.scale), work.rubric)
    chosen = {reply.item for reply in next_replies(judged, pairs, args.next, seed=args.seed)}
    return [item for item in waiting if item.item in chosen]


def _export(args: argparse.Namespace, work: "_Work") -> int:
    kind = args.output.suffix.removeprefix(".")
    if kind not in ("csv", "jsonl"):
        raise ConfigError(f"--output {args.output}: the name must end in .csv or .jsonl")
    known = {}
    if args.rater is not None:
        work.storage.labels.check_rater(work.rubric.scale, args.rater)
        known = _known(work, args.rater)
    shown = shuffled(work.items, args.seed)[: args.limit]
    text = write_labels(shown, known, work.rubric, kind)
    with replacing(args.output) as stream:
        stream.write(text.encode(errors="backslashreplace"))  # half a surrogate pair
    levels = " · ".join(f"{d.name}: {_menu(d.levels)}" for d in work.rubric.dimensions)
    notes().print(f"{len(shown)} replies in {args.output}; levels: {levels}")
    return 0


def _import(args: argparse.Namespace, work: "_Work") -> int:
    found = read_labels(
        args.file,
        by_name(work.items),
        work.rubric,
        rater=args.rater,
        now=_now(),
        drawn="next" if args.chosen else "random",
    )
    stored = work.storage.labels.put(found, replace=args.replace)
    counts = {"run_id": work.info.run_id, "read": len(found), "stored": stored}
    if args.json:
        write_json(counts)
    else:
        notes().print(f"{len(found)} labels read, {stored} of them new")
    return 0


def _known(work: "_Work", rater: str) -> dict[str, Label]:
    return {label.item: label for label in work.storage.labels.given(work.rubric.scale, rater)}


def _menu(levels: object) -> str:
    assert isinstance(levels, tuple)
    return "/".join(level.name for level in levels)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
