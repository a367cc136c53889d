"""Options of `run` and `rescore` for those who watch: logs, metrics."""

import argparse

_LEVELS = ("debug", "info", "warning", "error")


def configure(parser: argparse.ArgumentParser) -> None:
    """`--log-level`, `--log-json`, `--metrics-port`."""
    add = parser.add_argument
    add("--log-level", choices=_LEVELS, help="log to standard error from this level (default: off)")
    add("--log-json", action="store_true", help="log JSON lines (from info, unless told)")
    add(
        "--metrics-port",
        type=address,
        metavar="[HOST:]PORT",
        help="serve Prometheus metrics at /metrics while it runs (host: 127.0.0.1)",
    )


def address(text: str) -> tuple[str, int]:
    """(host, port) of `9464` or `0.0.0.0:9464`."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"must look like 9464 or 0.0.0.0:9464, got {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)
