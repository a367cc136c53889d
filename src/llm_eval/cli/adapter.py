"""`llm-eval adapter`: a trained adapter in other programs' formats, and its model card.

llm-eval adapter export ADAPTER --format gguf-adapter --output json_v1.gguf
llm-eval adapter card ADAPTER --run RUN --baseline RUN
"""

import argparse
from pathlib import Path

from llm_eval.cli import options
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.models.embedded import MODELS

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


def execute(args: argparse.Namespace) -> int:
    """Write it; 0 when it is whole."""
    return _export(args)


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
    say(clean(f"use it:  {_use(args.format, done.path, done.base)}"), soft_wrap=True)
    return 0


def _use(kind: str, path: Path, base: Path) -> str:
    if kind == "merged":
        return f"llm-eval run json --model hf/{path}"
    if kind == "gguf":
        return f"llm-eval run json --model gguf/{path}"
    if base.name in MODELS:
        return f"llm-eval run json --model local/{base.name}:{path}"
    return f"llm-eval run json --model gguf/BASE.gguf:{path}   (a GGUF file of {base.name})"
