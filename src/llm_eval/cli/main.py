"""The entry point: names the commands, loads the one that was asked for, turns errors into exits.

Exit codes: 0 done or pass · 1 regression or threshold broken · 2 usage, configuration or
incomparable runs · 3 inconclusive · 4 incomplete · 130 interrupted.
"""

import argparse
import os
import sys
from collections import namedtuple
from collections.abc import Sequence
from importlib import import_module

from llm_eval.version import __version__

# Not typing.NamedTuple: importing typing takes half as long as starting the interpreter.
Command = namedtuple("Command", ("module", "help"))
"""Where a command lives; imported only when it is used, so that `--help` is instant."""


COMMANDS = {
    "run": Command("llm_eval.cli.run", "evaluate models on tasks"),
    "tasks": Command("llm_eval.cli.tasks", "list the tasks and their splits"),
    "models": Command("llm_eval.cli.models", "list the configured models"),
    "runs": Command("llm_eval.cli.runs", "list stored runs"),
    "show": Command("llm_eval.cli.show", "show a run: numbers, failures, single samples"),
    "export": Command("llm_eval.cli.export", "write runs as files for other tools"),
    "compare": Command("llm_eval.cli.compare", "compare runs: is the change worse?"),
    "gate": Command("llm_eval.cli.gate", "hold a run against thresholds; the exit code says it"),
    "baseline": Command("llm_eval.cli.baseline", "promote runs to baselines; show, export, import"),
    "rescore": Command("llm_eval.cli.rescore", "score stored replies again, with another judge"),
    "review": Command("llm_eval.cli.review", "label replies by hand: export, import, terminal"),
    "judge": Command("llm_eval.cli.judge", "calibrate a judge; set runs against each other"),
    "trend": Command("llm_eval.cli.trend", "show a metric over the runs of a task"),
    "adapter": Command("llm_eval.cli.adapter", "export a trained adapter; write its model card"),
    "serve": Command("llm_eval.cli.serve", "serve a model and its adapters on this machine"),
    "train": Command("llm_eval.cli.train", "finetune a local model on a task"),
    "tune": Command("llm_eval.cli.tune", "search for the training recipe that evaluates best"),
    "loop": Command("llm_eval.cli.loop", "evaluate, train, evaluate again, compare, gate"),
    "lineage": Command("llm_eval.cli.lineage", "show where an adapter comes from, and its runs"),
    "data": Command("llm_eval.cli.data", "validate or rebuild the data sets"),
    "cache": Command("llm_eval.cli.cache", "look at or prune the response cache"),
    "doctor": Command("llm_eval.cli.doctor", "check the installation and the database"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "_ARGCOMPLETE" in os.environ:
        _complete()
    parser = _parser(arguments[0] if arguments else "")
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help()
        return 0
    return _run(args)


def _complete() -> None:
    """Answer the shell's question for completions, and leave."""
    import argcomplete

    typed = os.environ.get("COMP_LINE", "").split()
    argcomplete.autocomplete(_parser(typed[1] if len(typed) > 1 else ""))


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llm-eval",
        description="Evaluate language models with numbers that hold.",
        epilog="llm-eval COMMAND --help tells what a command takes.",
    )
    parser.add_argument("--version", action="version", version=f"llm-eval {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, (module, help_text) in COMMANDS.items():
        sub = commands.add_parser(name, help=help_text, description=help_text)
        if name == command:
            import_module(module).configure(sub)
    return parser


def _run(args: argparse.Namespace) -> int:
    from llm_eval.errors import ConfigError, DatasetError, EvalError, StoppedError

    module = import_module(COMMANDS[args.command].module)
    try:
        code: int = module.execute(args)
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
        _drop_output()
        return 0
    except OSError as exc:
        if exc.filename is not None:
            return _complain(f"{exc.filename}: {exc.strerror}", 2)
        if not _output_fails():
            raise
        _drop_output()
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


def _drop_output() -> None:
    """What is still buffered would raise once more when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(exc: Exception | str, code: int) -> int:
    try:
        print(f"llm-eval: {exc}", file=sys.stderr)
    except OSError:  # nobody can be told; the code still says it
        return code
    return code
