"""The entry point: names the commands, loads the one that was asked for, turns errors into exits.

Exit codes: 0 done or pass · 1 regression or threshold broken · 2 usage, configuration or
incomparable runs · 3 inconclusive · 4 incomplete · 130 interrupted.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from llm_eval.version import __version__

TYPE_CHECKING = False  # not imported: typing takes half as long to load as the interpreter
if TYPE_CHECKING:
    from typing import NoReturn, TextIO

COMMANDS = {
    "run": "evaluate models on tasks",
    "tasks": "list the tasks and their splits",
    "models": "list the configured models",
    "runs": "list stored runs",
    "show": "show a run: numbers, failures, single samples",
    "export": "write runs as files for other tools",
    "compare": "compare runs: is the change worse?",
    "gate": "hold a run against thresholds; the exit code says it",
    "baseline": "promote runs to baselines; show, export, import",
    "rescore": "score stored replies again, with another judge",
    "review": "label replies by hand: export, import, terminal",
    "judge": "calibrate a judge; set runs against each other",
    "trend": "show a metric over the runs of a task",
    "adapter": "export a trained adapter; write its model card",
    "serve": "serve a model and its adapters on this machine",
    "train": "finetune a local model on a task",
    "tune": "search for the training recipe that evaluates best",
    "loop": "evaluate, train, evaluate again, compare, gate",
    "lineage": "show where an adapter comes from, and its runs",
    "data": "validate or rebuild the data sets",
    "cache": "look at or prune the response cache",
    "doctor": "check the installation and the database",
}
"""`NAME` takes what `arguments/NAME.py` says, and does what `NAME.py` does. The first loads nothing
but argparse, so that help and mistakes are answered at once; the second is loaded to be run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    try:
        return _main(argv)
    finally:
        _forget_unwritten(sys.stderr)
        if argv is None:  # the process ends: to look for garbage in all that is alive takes 0.1 s
            gc.freeze()


def _main(argv: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "_ARGCOMPLETE" in os.environ:
        _complete()
    if arguments and arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
        return _complain(_unknown(arguments[0]), 2)
    parser = _parser(arguments[0] if arguments else "")
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help()
        return 0
    code = _run(args)
    _forget_unwritten(sys.stdout)
    return code


class _Parser(argparse.ArgumentParser):
    """Says of a mistake what it is and where help is, instead of every option there is."""

    def error(self, message: str) -> "NoReturn":
        self.exit(2, f"{self.prog}: {message}; {self.prog} --help tells what it takes\n")


def _unknown(command: str) -> str:
    from llm_eval.registry import unknown

    return f"{unknown('command', command, COMMANDS)}; llm-eval --help tells what each does"


def _complete() -> None:
    """Answer the shell's question for completions, and leave."""
    import argcomplete

    typed = os.environ.get("COMP_LINE", "").split()
    argcomplete.autocomplete(_parser(typed[1] if len(typed) > 1 else ""))


def _parser(command: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="llm-eval",
        description="Evaluate language models with numbers that hold.",
        epilog="llm-eval COMMAND --help tells what a command takes.",
    )
    parser.add_argument("--version", action="version", version=f"llm-eval {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, help_text in COMMANDS.items():
        sub = commands.add_parser(name, help=help_text, description=help_text)
        if name == command:
            import_module(f"llm_eval.cli.arguments.{name}").configure(sub)
    return parser


def _run(args: argparse.Namespace) -> int:
    from llm_eval.errors import ConfigError, DatasetError, EvalError, StoppedError
    from llm_eval.garbage import no_collections

    try:
        with no_collections():
            command = import_module(f"llm_eval.cli.{args.command}")
        code: int = command.execute(args)
        sys.stdout.flush()
    except (ConfigError, DatasetError) as exc:
        return _complain(exc, 2)
    except StoppedError as exc:  # before the first sample: there is no run yet
        return _complain(exc, 130)
    except EvalError as exc:
        return _complain(exc, 4)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _forget_unwritten(sys.stdout)
        return 0
    except OSError as exc:
        if exc.filename is not None:
            return _complain(f"{exc.filename}: {exc.strerror}", 2)
        if not _output_fails():
            raise
        _forget_unwritten(sys.stdout)
        return _complain(f"standard output cannot be written: {exc.strerror}", 2)
    return code


def _output_fails() -> bool:
    """Whether it was standard output that refused; an error of a write does not say."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"\n")
    except OSError:
        return True
    return False


def _forget_unwritten(stream: "TextIO") -> None:
    """What is still buffered would fail once more when the interpreter ends: with exit code 120."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _complain(exc: Exception | str, code: int) -> int:
    from llm_eval.visible import visible  # names of slices and samples are data

    try:
        print(f"llm-eval: {visible(str(exc))}", file=sys.stderr)
    except OSError:  # nobody can be told; the code still says it
        return code
    return code
