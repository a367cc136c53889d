"""Arguments of `llm-eval serve`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `serve`."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="a name in models.yaml, vllm/…, llamacpp/…, gguf/…, local/…")
    add(
        "--adapter",
        action="append",
        default=[],
        metavar="PATH",
        help="also serve this LoRA adapter; repeat for several",
    )
    add("--port", type=options.positive, metavar="P", help="default: a free one")
    add(
        "--option",
        type=options.tag,
        action="append",
        default=[],
        metavar="K=V",
        help="an option of the engine: max_model_len=2048",
    )
    add(
        "--start-timeout",
        type=options.duration,
        metavar="TIME",
        help="longest wait for its health (default: 15m)",
    )
    add("--log", action="store_true", help="show what the engine says, on standard error")
    options.add_json(parser)
