"""A model server for tests, as a process: it takes the words of `vllm serve` and `llama-server`.

    LLM_EVAL_VLLM="python -m llm_eval.testing.stub_model_server --healthy-after 2"

Before the words of the engine come those of the test: how long until it is healthy, whether it
dies, hangs, ignores SIGTERM, or starts children that hide. A reply names who gave it: `base: …`.
It is a file of the standard library only, so that it starts at once.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_OPEN = ("/health", "/version", "/props")
"""What the engines answer without a key."""
_STARTED = time.monotonic()


def main() -> None:
    """Serve until a signal."""
    args, engine = _read_words(sys.argv[1:])
    _log(f"stub {os.getpid()}: {' '.join(engine)}")
    _log(f"the key is {_key()}")
    if args.journal:
        with open(args.journal, "a") as journal:  # noqa: PTH123 - starts faster without pathlib
            journal.write(" ".join(engine) + "\n")
    if args.ignore_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(args.hidden_children):
        hidden = [sys.executable, "-c", "import time; time.sleep(600)"]
        child = subprocess.Popen(hidden, start_new_session=True)  # noqa: S603 - our own words
        _log(f"hidden child {child.pid}")
    if args.die_after is not None:
        time.sleep(args.die_after)
        _log("ValueError: no memory for the weights")
        sys.exit(3)
    options = _engine_parser().parse_known_args(engine)[0]
    if args.port_taken:
        _log("OSError: [Errno 98] Address already in use")
        sys.exit(1)
    server = _Server((options.host, options.port), args, options)
    server.serve_forever()


def _read_words(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Those of the test, and those of the engine: they begin with `serve` or `--model`."""
    begin = next(n for n, word in enumerate([*words, "serve"]) if word in ("serve", "--model"))
    parser = argparse.ArgumentParser()
    add = parser.add_argument
    add("--healthy-after", type=float, default=0.0, metavar="S")
    add("--die-after", type=float, metavar="S")
    add("--ignore-sigterm", action="store_true")
    add("--hidden-children", type=int, default=0)
    add("--port-taken", action="store_true")
    add("--journal", metavar="FILE", help="gets a line for each start")
    add("--open", action="store_true", help="take any key")
    add("--refuse-adapters", action="store_true")
    return parser.parse_args(words[:begin]), words[begin:]


def _engine_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add = parser.add_argument
    add("--host", default="0.0.0.0")  # noqa: S104 - as the engines: who starts it must say where
    add("--port", type=int, required=True)
    add("--served-model-name", "--alias", dest="name", default="base")
    add("--lora-modules", nargs="*", default=[])
    add("--lora", action="append", default=[])
    add("--enable-lora", action="store_true")
    return parser


def _log(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _key() -> str | None:
    return os.environ.get("VLLM_API_KEY") or os.environ.get("LLAMA_API_KEY")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], args: argparse.Namespace, options: argparse.Namespace
    ) -> None:
        self.args, self.options = args, options
        self.names = [options.name, *(json.loads(text)["name"] for text in options.lora_modules)]
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Health, release, models."""
        if self.path == "/health":
            healthy = time.monotonic() - _STARTED >= self.server.args.healthy_after
            return self._say(200 if healthy else 503, {})
        if self._refused():
            return None
        if self.path == "/v1/models":
            return self._say(200, {"data": [{"id": name} for name in self.server.names]})
        known = {"/version": {"version": "0.0-stub"}, "/props": {"build_info": "b0-stub"}}
        return self._say(200 if self.path in known else 404, known.get(self.path, {}))

    def do_POST(self) -> None:
        """Chat, and loading adapters."""
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if self._refused():
            return None
        if self.path == "/v1/load_lora_adapter":
            return self._load(body)
        if self.path != "/v1/chat/completions":
            return self._say(404, {"detail": "Not Found"})
        if body["model"] not in self.server.names and not self.server.options.lora:
            return self._say(404, {"error": {"message": f"no model {body['model']!r}"}})
        return self._say(200, self._completion(body))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the test reads what the server says."""

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        scales = [lora["scale"] for lora in body.get("lora", ())]
        who = body["model"] if body["model"] != self.server.options.name else "base"
        if 1.0 in scales:
            who = f"lora {scales.index(1.0)}"
        text = f"{who}: {body['messages'][-1]['content'][:40]}"
        return {
            "model": body["model"],
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 3},
        }

    def _load(self, body: dict[str, Any]) -> None:
        if not self.server.options.enable_lora and not self.server.args.open:
            return self._say(404, {"detail": "Not Found"})
        if self.server.args.refuse_adapters:
            return self._say(400, {"error": {"message": "rank 99 is more than 8"}})
        if body["lora_name"] in self.server.names:
            return self._say(400, {"error": {"message": "it has already been loaded"}})
        self.server.names.append(body["lora_name"])
        return self._say(200, {})

    def _refused(self) -> bool:
        """Whether the key is wrong, which is then said."""
        given = self.headers.get("authorization")
        if self.server.args.open or self.path in _OPEN or given == f"Bearer {_key()}":
            return False
        self._say(401, {"error": {"message": "Unauthorized"}})
        return True

    def _say(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    main()
