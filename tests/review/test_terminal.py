"""Labelling in a real terminal: a process on a pseudo-terminal, and whoever types into it."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llm_eval.evaluation import evaluate
from llm_eval.metrics.labels import Label
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.scorers.rubric import load_rubric
from llm_eval.testing import StubServer, stub_judge

QA = load_rubric("qa_correctness")
N = 8
START = """
import fcntl, signal, sys, termios
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from llm_eval.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
PATIENCE_S = 60


class Typist:
    """One end of the terminal; the program has the other."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]") -> None:
        self._master, self.process = master, process
        self.screen = ""

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def see(self, pattern: str) -> None:
        """Read until the screen shows `pattern` behind what was seen before."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.screen[self._seen :])):
            if time.monotonic() > deadline or not self._read():
                raise AssertionError(f"{pattern!r} was not shown:\n{self.screen[-2000:]}")
        self._seen += found.end()

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE_S)

    _seen = 0

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], PATIENCE_S)
        try:
            text = os.read(self._master, 65536) if ready else b""
        except OSError:  # Linux says EIO when the other end is closed
            return False
        self.screen += text.decode(errors="replace").replace("\r", "")
        return bool(text)


@contextmanager
def labelling(db: str, run: str, *options: str, rater: str = "ann") -> Iterator[Typist]:
    """`llm-eval review label` in a terminal of its own."""
    master, slave = pty.openpty()
    arguments = ["review", "label", run, "--rater", rater, "--db", db, *options]
    process = subprocess.Popen(
        [sys.executable, "-c", START, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm"},
    )
    os.close(slave)
    try:
        yield Typist(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def answer(prompt: str) -> str:
    if stub_judge.is_judge_prompt(prompt):
        return stub_judge.verdict(prompt, 0.5)
    return f"a reply of {len(prompt)} characters"


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[tuple[MetricsStorage, str]]:
    """A database with a judged run."""
    storage = MetricsStorage(f"sqlite:///{tmp_path}/runs.db")
    with StubServer(answer).in_thread() as stub:
        run = evaluate(
            "qa",
            f"openai/secret-model@{stub.url}",
            judge_model=f"openai/stern-judge@{stub.url}",
            limit=N,
            db=storage,
        )
    yield storage, run.run_id
    storage.close()


def stored(storage: MetricsStorage, rater: str = "ann") -> list[Label]:
    return storage.labels.given(QA.scale, rater)


def levels(label: Label) -> list[int]:
    return [label.levels[dimension.name] for dimension in QA.dimensions]


def test_a_pass_over_all_replies_is_blind_quick_and_whole(
    judged: tuple[MetricsStorage, str],
) -> None:
    storage, run = judged
    with labelling(storage.url, run) as typist:
        typist.see(f"1 of {N}")
        started = time.monotonic()
        for position in range(N):  # as a person does: read, then press a key for each dimension
            for dimension, key in zip(QA.dimensions, "012", strict=True):
                typist.see(re.escape(f"{dimension.name}: "))
                typist.type(key)
            if position + 1 < N:
                typist.see(f"{position + 2} of {N}")
        typist.see(f"{N} labels stored, 0 replies left")
        per_hour = 3600 * N / (time.monotonic() - started)
        assert typist.end() == 0
    assert [levels(label) for label in stored(storage)] == [[0, 1, 2]] * N
    assert per_hour >= 400
    for hidden in ("secret-model", "stern-judge", "compared word by word", "passed", "judge"):
        assert hidden not in typist.screen


def test_keys_that_are_typed_ahead_are_kept(judged: tuple[MetricsStorage, str]) -> None:
    storage, run = judged
    with labelling(storage.url, run) as typist:
        typist.type("012" * N)
        assert typist.end() == 0
    assert [levels(label) for label in stored(storage)] == [[0, 1, 2]] * N


def test_an_interrupt_loses_no_label_and_the_next_session_goes_on(
    judged: tuple[MetricsStorage, str],
) -> None:
    storage, run = judged
    with labelling(storage.url, run) as typist:
        typist.see(f"1 of {N}")
        typist.type("2220001")
        typist.see(f"3 of {N}")
        typist.see("completeness: ")
        typist.type("\x03")
        assert typist.end() == 130
        assert f"2 labels stored, {N - 2} replies left" in typist.screen
        assert "Traceback" not in typist.screen
    first = stored(storage)
    assert [levels(label) for label in first] == [[2, 2, 2], [0, 0, 0]]
    with labelling(storage.url, run) as typist:
        typist.see(f"1 of {N - 2}")
        typist.type("111q")
        assert typist.end() == 0
    assert [levels(label) for label in stored(storage)[2:]] == [[1, 1, 1]]
    assert {x.item for x in first} < {x.item for x in stored(storage)}


def test_a_killed_session_loses_no_label(judged: tuple[MetricsStorage, str]) -> None:
    storage, run = judged
    with labelling(storage.url, run) as typist:
        typist.type("2220")
        typist.see(f"2 of {N}")
    assert [levels(label) for label in stored(storage)] == [[2, 2, 2]]


def test_function_keys_are_no_levels_and_notes_are_lines(
    judged: tuple[MetricsStorage, str],
) -> None:
    storage, run = judged
    with labelling(storage.url, run) as typist:
        typist.see("correctness: ")
        typist.type("\x1b[1~\x1b[A\x1bOP\x1b[15~")  # Home, up, F1, F5
        typist.see("level · s skip")
        typist.type("nunclear, café\n")
        typist.see("note: ")
        typist.type("cLyon\n")
        typist.see("the reference should be: ")
        typist.type("222q")
        assert typist.end() == 0
    (only,) = stored(storage)
    assert (levels(only), only.note, only.correction) == ([2, 2, 2], "unclear, café", "Lyon")


def test_keys_that_are_typed_behind_a_note_before_it_is_asked_for_are_kept(
    judged: tuple[MetricsStorage, str],
) -> None:
    storage, run = judged
    with labelling(storage.url, run) as typist:
        typist.see("correctness: ")
        typist.type("nunclear, café\n222q")
        assert typist.end() == 0
    (only,) = stored(storage)
    assert (levels(only), only.note) == ([2, 2, 2], "unclear, café")


def test_the_terminal_is_left_as_it_was(judged: tuple[MetricsStorage, str]) -> None:
    import termios

    storage, run = judged
    with labelling(storage.url, run) as typist:
        before = termios.tcgetattr(typist._master)  # the pair shares its settings
        typist.see(f"1 of {N}")
        typist.see("correctness: ")
        typist.type("q")
        typist.process.wait(PATIENCE_S)
        after = termios.tcgetattr(typist._master)
    assert after[3] == before[3]
    assert before[3] & termios.ECHO
