"""The server inside the xllamacpp wheel as a program that takes llama-server's words.

    python xllamacpp_host.py --model FILE --host 127.0.0.1 --port 8080 --alias NAME [--lora FILE]…

Started as a file of its own, so that it needs nothing but the wheel. The key comes from
LLAMA_API_KEY, as with llama-server.
"""

import argparse
import os
import signal
import sys
import threading

import xllamacpp


def main() -> int:
    """Serve until SIGTERM."""
    args = _parser().parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    server = xllamacpp.Server(_params(args))
    sys.stderr.write(f"listening on {server.listening_address}\n")
    stop.wait()
    os._exit(0)  # the engine's own end waits for its connections


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add = parser.add_argument
    for name in ("model", "host", "alias"):
        add(f"--{name}", required=True)
    add("--port", type=int, required=True)
    add("--lora", action="append", default=[])
    add("--lora-init-without-apply", action="store_true")
    add("--ctx-size", type=int, default=16384, help="of all slots together")
    add("--parallel", type=int, default=4)
    add("--threads", type=int, default=os.cpu_count() or 1)
    add("--n-gpu-layers", type=int, default=-1)
    return parser


def _params(args: argparse.Namespace) -> "xllamacpp.CommonParams":
    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.model_alias = {args.alias}
    params.hostnames = [args.host]
    params.port = args.port
    params.api_keys = [os.environ["LLAMA_API_KEY"]]
    params.n_parallel = args.parallel
    params.n_ctx = args.ctx_size
    params.n_gpu_layers = args.n_gpu_layers
    for threads in (params.cpuparams, params.cpuparams_batch):
        threads.n_threads = args.threads
        threads.poll = 0
    params.cache_ram_mib = 0
    params.ui = False
    params.lora_init_without_apply = args.lora_init_without_apply
    loras = []
    for path in args.lora:
        lora = xllamacpp.CommonAdapterLoraInfo()
        lora.path, lora.scale = path, 1.0
        loras.append(lora)
    params.lora_adapters = loras
    return params


if __name__ == "__main__":
    sys.exit(main())
