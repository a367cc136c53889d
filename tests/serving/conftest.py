"""Real processes that speak the engines' endpoints, and who is left of them."""

import os
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

STUB = Path(__file__).parents[2] / "src/llm_eval/testing/stub_model_server.py"
Engine = Callable[..., None]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Make both engines the stub, which behaves as these words say."""

    def choose(*words: str) -> None:
        command = " ".join([sys.executable, str(STUB), *words])
        monkeypatch.setenv("LLM_EVAL_VLLM", command)
        monkeypatch.setenv("LLM_EVAL_LLAMA_SERVER", command)

    choose()
    return choose


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """What passes for a model's directory."""
    directory = tmp_path / "base"
    directory.mkdir()
    (directory / "config.json").write_text("{}")
    (directory / "tokenizer.json").write_text("{}")
    (directory / "model.safetensors").write_bytes(tensors(b"weights"))
    return directory


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """What passes for an adapter."""
    return make_adapter(tmp_path / "tuned", rank=8)


def make_adapter(directory: Path, rank: int, weights: bytes = b"lora") -> Path:
    directory.mkdir()
    (directory / "adapter_config.json").write_text(f'{{"r": {rank}}}')
    (directory / "adapter_model.safetensors").write_bytes(tensors(weights))
    return directory


def tensors(content: bytes) -> bytes:
    """A file of safetensors with one tensor."""
    header = b'{"w": {"dtype": "U8", "shape": [%d], "data_offsets": [0, %d]}}'
    header %= (len(content), len(content))
    return struct.pack("<Q", len(header)) + header + content


def alive(pid: int) -> bool:
    """Whether the process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def descendants(pid: int) -> set[int]:
    """`pid`'s children and theirs."""
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid:
            child = int(stat.parent.name)
            found |= {child} | descendants(child)
    return found


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def keepers(pid: int) -> set[int]:
    """The keepers among `pid`'s descendants: one a server."""
    return {found for found in descendants(pid) if b"keeper.py" in command_line(found)}


def kept(pid: int) -> set[int]:
    """The keepers under `pid`, and all that they keep."""
    found = keepers(pid)
    return found.union(*map(descendants, found))


def kill_engines(pid: int) -> None:
    """Kill what the keepers under `pid` keep."""
    for keeper in keepers(pid):
        for engine in descendants(keeper):
            os.kill(engine, signal.SIGKILL)
