"""`llm-eval adapter`: a trained adapter in other programs' formats, and its model card.

llm-eval adapter export ADAPTER --format gguf-adapter --output json_v1.gguf
llm-eval adapter card ADAPTER --run RUN --baseline RUN
"""

import argparse
import sys
from pathlib import Path

from llm_eval.cli.database import open_storage
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.finetune.card import model_card
from llm_eval.finetune.card_sources import gather
from llm_eval.finetune.export.adapter_export import Exported, export_adapter, named_base
from llm_eval.metrics.atomic_file import replacing
from llm_eval.models.adapter_files import AdapterFiles, read_adapter
from llm_eval.models.embedded import MODELS

_UNITS = {"merged": "parameters", "gguf-adapter": "modules", "gguf": "tensors"}


def execute(args: argparse.Namespace) -> int:
    """Write it; 0 when it is whole."""
    return _card(args) if args.action == "card" else _export(args)


def _card(args: argparse.Namespace) -> int:
    adapter = read_adapter(args.adapter)
    with open_storage(args, existing=args.db is not None) as storage:
        licence = args.licence or _licence(adapter)
        card = gather(storage, adapter, runs=args.run, baselines=args.baseline, licence=licence)
    text = model_card(card)
    if args.output == "-":
        sys.stdout.write(text)
        return 0
    path = Path(args.output) if args.output else adapter.path / "README.md"
    with replacing(path) as stream:
        stream.write(text.encode(errors="replace"))
    n = len(card.runs)
    told = f"{n} {'run' if n == 1 else 'runs'}, {len(card.comparisons)} compared with the base's"
    notes().print(clean(f"{path}: {told}"), soft_wrap=True)
    return 0


def _licence(adapter: AdapterFiles) -> str | None:
    """Of an embedded model, which is known."""
    known = MODELS.get(named_base(adapter) or "")
    return None if known is None else known.licence


def _export(args: argparse.Namespace) -> int:
    read_adapter(args.adapter)  # a wrong name is one line, before anything is said to be done
    notes().print(clean(f"exporting {args.adapter} …"), soft_wrap=True)
    done = export_adapter(
        args.adapter,
        args.format,
        args.output,
        base=args.base,
        like=args.like,
        quantization=args.quantization,
    )
    if args.json:
        write_json(
            {
                "path": str(done.path),
                "format": done.format,
                "bytes": done.n_bytes,
                _UNITS[done.format]: done.count,
                "base": str(done.base),
                "adapter_digest": done.adapter_digest,
            }
        )
        return 0
    say = output().print
    size = f"{done.n_bytes / 1e6:,.1f} MB, {done.count:,} {_UNITS[done.format]}"
    say(clean(f"{done.path}: {size}"), soft_wrap=True)
    say(clean(f"use it:  {_use(done)}"), soft_wrap=True)
    return 0


def _use(done: Exported) -> str:
    command = f"llm-eval run {done.task or 'TASK'} --model"
    if done.format == "merged":
        return f"{command} hf/{done.path}"
    if done.format == "gguf":
        return f"{command} gguf/{done.path}"
    if done.base.name in MODELS:
        return f"{command} local/{done.base.name}:{done.path}"
    return f"{command} gguf/BASE.gguf:{done.path}   (a GGUF file of {done.base.name})"
