"""Commands whose disk fails at the N-th call that their SQLite makes.

    with failing_disk(work) as disk:
        disk.run(["run", "qa", "--limit", "6"], cwd, Fault("write", "ENOSPC", at=17, stays=True))

The faults are injected into the very library that our process uses (`failing_disk.c`, preloaded).
One process imports the package once; each command is a fork of it: a tenth of a second, not two.
"""

import ctypes
import errno
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

KINDS = ("read", "write", "sync", "truncate")
MANNERS = ("refused", "short", "torn")
LIBRARY = "LLM_EVAL_FAILING_DISK"
_WARM = ("llm_eval.cli.run", "llm_eval.cli.doctor", "llm_eval.models.api_model", "rich.table",
         "rich.live", "sqlalchemy.dialects.sqlite", "llm_eval.tasks.qa_task", "numpy")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at which call."""

    kind: Literal["read", "write", "sync", "truncate"]
    error: str = "EIO"
    at: int = 1
    stays: bool = False
    """Whether every later call of this kind fails too."""
    manner: Literal["refused", "short", "torn"] = "refused"
    """short: half is written, then it fails; torn: half is written, and the process is killed."""
    of: str = ""
    """Only files whose names end so: of `.db` it is checkpoints that write."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    met: bool
    """Whether it came to the fault."""


class FailingDisk:
    """Runs commands of `llm-eval`, each in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, arguments: Sequence[str], directory: Path, fault: Fault | None = None) -> Ended:
        """`llm-eval ARGUMENTS` in `directory`; its disk has this fault."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = [list(arguments), str(directory), fault and asdict(fault)]
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        code, met = json.loads(self._process.stdout.readline())
        texts = [(directory / f".{name}").read_text() for name in ("out", "err")]
        return Ended(code, texts[0], texts[1], met)


@contextmanager
def failing_disk(work: Path) -> Iterator[FailingDisk]:
    """Compile the library and start the process that commands are forks of."""
    library = work / "failing_disk.so"
    compile_library(library)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.failing_disk"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LD_PRELOAD": str(library), LIBRARY: str(library)},
    )
    try:
        yield FailingDisk(process)
    finally:
        process.communicate()  # its input ends, and so does it


def compile_library(library: Path) -> None:
    """Skips where there is no compiler, unless all that a system can give is required."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        assert "LLM_EVAL_REQUIRE_SYSTEM" not in os.environ, "no C compiler: install gcc"
        pytest.skip("no C compiler")
    source = Path(__file__).with_suffix(".c")
    words = ["-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    subprocess.run([compiler, *words], check=True)


def main() -> None:
    """Read commands from standard input; answer with exit code and whether the fault was met."""
    for name in _WARM:
        __import__(name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        print(json.dumps(_in_fork(*json.loads(line))), file=answers, flush=True)


def _in_fork(arguments: list[str], directory: str, fault: dict[str, Any] | None) -> list[Any]:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.chdir(directory)
        _live(arguments, fault, write)
    os.close(write)
    with os.fdopen(read) as told:
        met = told.read() != "not met"  # a process that was killed says nothing
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), met]


def _live(arguments: list[str], fault: dict[str, Any] | None, tell: int) -> None:
    """The command, up to its exit."""
    from llm_eval.cli.main import main as command

    code = 70
    for descriptor, name in ((0, os.devnull), (1, ".out"), (2, ".err")):
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(name, flags if descriptor else os.O_RDONLY), descriptor)
    library = ctypes.CDLL(os.environ[LIBRARY])
    try:
        if fault is not None:
            library.disk_fails(
                KINDS.index(fault["kind"]), MANNERS.index(fault["manner"]),
                getattr(errno, fault["error"]), ctypes.c_long(fault["at"]), int(fault["stays"]),
                fault["of"].encode(),
            )  # fmt: skip
        code = command(arguments)
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 70
    except BaseException:  # noqa: BLE001 - shown, as the interpreter would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if not library.disk_failed():
            os.write(tell, b"not met")
        os._exit(code)


if __name__ == "__main__":
    main()
