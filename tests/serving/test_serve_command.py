"""`llm-eval serve` and `run --model vllm/…` as people use them, with the stub as engine."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llm_eval.serving.endpoint import Endpoint
from tests.cli.conftest import LLM_EVAL
from tests.serving.conftest import Engine, alive, kept, kill_engines

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


@contextmanager
def serving(*args: object, **variables: str) -> "Iterator[subprocess.Popen[str]]":
    command = [*LLM_EVAL, "serve", *map(str, args)]
    pipe = subprocess.PIPE
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def read_until(process: "subprocess.Popen[str]", end: str) -> str:
    assert process.stdout is not None
    text = ""
    while line := process.stdout.readline():
        text += line
        if line.rstrip("\n") == end:
            break
    return text


def test_it_tells_where_to_ask_and_ends_with_ctrl_c(
    engine: Engine, checkpoint: Path, adapter: Path
) -> None:
    with serving(f"vllm/{checkpoint}", "--adapter", adapter) as process:
        told = read_until(process, "Ctrl-C stops it.")
        ours = kept(process.pid)
        file = Path(told.split("in /")[1].split()[0].join(["/", ""]))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text() not in told
        (root,) = set(re.findall(r"http://127\.0\.0\.1:\d+", told))
        listed = Endpoint(root, file.read_text())._ask("GET", "/v1/models", None, 5).json["data"]
        assert listed[0]["id"] == "base"
        assert listed[1]["id"] in told
    assert process.returncode == 0
    assert not any(map(alive, ours))
    assert not file.exists()


def test_with_json_it_prints_one_object_and_takes_the_key_that_is_set(
    engine: Engine, checkpoint: Path
) -> None:
    words = (f"vllm/{checkpoint}", "--json", "--option", "max_model_len=512")
    with serving(*words, LLM_EVAL_SERVE_KEY="mine") as process:
        told = json.loads(read_until(process, "}"))
        assert told["key_env"] == "LLM_EVAL_SERVE_KEY"
        root = told["base_url"].removesuffix("/v1")
        assert Endpoint(root, "mine")._ask("GET", "/v1/models", None, 5).status == 200
    assert process.returncode == 0


def test_stopped_before_it_is_healthy_nothing_is_left(engine: Engine, checkpoint: Path) -> None:
    engine("--healthy-after", "600")
    with serving(f"vllm/{checkpoint}", "--log") as process:
        assert process.stderr is not None
        while "the key is" not in (line := process.stderr.readline()):
            assert line
        ours = kept(process.pid)
        assert ours
    assert process.returncode == 0
    assert not any(map(alive, ours))


def test_an_engine_that_ends_is_exit_code_4(engine: Engine, checkpoint: Path) -> None:
    with serving(f"vllm/{checkpoint}") as process:
        read_until(process, "Ctrl-C stops it.")
        kill_engines(process.pid)
        assert process.wait(20) == 4


def test_a_run_of_base_and_adapter_starts_one_server(
    engine: Engine, checkpoint: Path, adapter: Path, tmp_path: Path
) -> None:
    engine("--journal", str(tmp_path / "journal"))
    models = ["--model", f"vllm/{checkpoint}", "--model", f"vllm/{checkpoint}:{adapter}"]
    words = [*LLM_EVAL, "run", "qa", "--limit", "3", *models, "--db", f"sqlite:///{tmp_path}/r.db"]
    done = subprocess.run([*words, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    base, tuned = json.loads(done.stdout)["runs"]
    assert base["n_scored"] == tuned["n_scored"] == 3
    (started,) = (tmp_path / "journal").read_text().splitlines()
    assert "--enable-lora --max-lora-rank 8" in started


def test_an_engine_that_cannot_start_costs_nothing_and_is_said(
    engine: Engine, checkpoint: Path, tmp_path: Path
) -> None:
    engine("--die-after", "0")
    words = [*LLM_EVAL, "run", "qa", "--limit", "3", "--model", f"vllm/{checkpoint}"]
    words += ["--db", f"sqlite:///{tmp_path}/r.db"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "ValueError: no memory for the weights" in done.stderr
    assert "Traceback" not in done.stderr
