"""Signals while a run goes on: drain at the first, leave at the second."""

import asyncio
import os
import signal

from llm_eval.cli.terminal import notes


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` at the first signal, leave at the second; either way the run can be resumed."""

    def on_signal(name: str) -> None:
        if stop.is_set():
            os._exit(130)  # what is committed is safe; what is in flight is asked again
        notes().print(f"{name}: finishing what is in flight; once more to leave at once")
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal, number.name)
