"""Arguments of `llm-eval adapter`."""

import argparse
from pathlib import Path

from llm_eval.cli.arguments import options

FORMATS = {
    "merged": "base and adapter as one directory of safetensors",
    "gguf-adapter": "a LoRA file that llama.cpp adds to a GGUF file of the base",
    "gguf": "base and adapter as one GGUF file",
}


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
