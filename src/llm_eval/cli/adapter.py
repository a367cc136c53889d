"""`llm-eval adapter`: a trained adapter in other programs' formats, and its model card.

llm-eval adapter export ADAPTER --format gguf-adapter --output json_v1.gguf
llm-eval adapter card ADAPTER --run RUN --baseline RUN
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from llm_eval.cli import options
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.models.embedded import MODELS

if TYPE_CHECKING:
    from llm_eval.finetune.export.adapter_export import Exported
    from llm_eval.models.adapter_files import AdapterFiles

FORMATS = {
    "merged": "base and adapter as one directory of safetensors",
    "gguf-adapter": "a LoRA file that llama.cpp adds to a GGUF file of the base",
    "gguf": "base and adapter as one GGUF file",
}
_UNITS = {"merged": "parameters", "gguf-adapter": "modules", "gguf": "tensors"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `adapter`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    export = actions.add_parser("export", help="write it for transformers, vLLM or llama.cpp")
    add = export.add_argument
    add("adapter", metavar="ADAPTER", help="the directory that training wrote")
    add("--format", required=True, choices=FORMATS, help="; ".join(map(": ".join, FORMATS.items())))
    add("--output", required=True, type=Path, metavar="PATH", help="the file or new directory")
    add("--base", metavar="PATH", help="the checkpoint it was trained on (default: as it says)")
    add("--like", type=Path, metavar="FILE", help="gguf: a GGUF file of the same base")
    add(
        "--quantization",
        choices=("f32", "f16", "q8_0"),
        default="f16",
        help="gguf: how matrices are stored (default: f16)",
    )
    options.add_json(export)
    _configure_card(actions.add_parser("card", help="write its README.md: what was measured"))


def _configure_card(card: argparse.ArgumentParser) -> None:
    add = card.add_argument
    add("adapter", metavar="ADAPTER", help="the directory that training wrote")
    add(
        "--run",
        action="append",
        default=[],
        metavar="RUN",
        help="a run of the adapter; repeat for several (default: the newest of each task)",
    )
    add(
        "--baseline",
        action="append",
        default=[],
        metavar="RUN",
        help="a run of its base (default: the newest that compares)",
    )
    add("--licence", metavar="SPDX", help="of the base, such as Apache-2.0")
    add("--output", metavar="FILE", help="default: README.md of the adapter; `-`: standard output")
    options.add_db(card)


def execute(args: argparse.Namespace) -> int:
    """Write it; 0 when it is whole."""
    return _card(args) if args.action == "card" else _export(args)


def _card(args: argparse.Namespace) -> int:
    from llm_eval.finetune.card import model_card
    from llm_eval.finetune.card_sources import gather
    from llm_eval.metrics.atomic_file import replacing
    from llm_eval.models.adapter_files import read_adapter

    adapter = read_adapter(args.adapter)
    with options.open_storage(args) as storage:
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


def _licence(adapter: "AdapterFiles") -> str | None:
    """Of an embedded model, which is known."""
    from llm_eval.finetune.export.adapter_export import named_base

    known = MODELS.get(named_base(adapter) or "")
    return None if known is None else known.licence


def _export(args: argparse.Namespace) -> int:
    from llm_eval.finetune.export.adapter_export import export_adapter

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


def _use(done: "Exported") -> str:
    command = f"llm-eval run {done.task or 'TASK'} --model"
    if done.format == "merged":
        return f"{command} hf/{done.path}"
    if done.format == "gguf":
        return f"{command} gguf/{done.path}"
    if done.base.name in MODELS:
        return f"{command} local/{done.base.name}:{done.path}"
    return f"{command} gguf/BASE.gguf:{done.path}   (a GGUF file of {done.base.name})"
