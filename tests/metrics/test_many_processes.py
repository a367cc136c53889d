"""Several processes write one database while people read it; nobody hears of a lock."""

import subprocess
import sys
import time
from pathlib import Path

from llm_eval.metrics.storage import MetricsStorage

ROOT = Path(__file__).parents[2]
N, WRITERS = 400, 4
WRITE = f"""
import asyncio, sys
from llm_eval.metrics.storage import MetricsStorage
from tests.metrics.test_storage import result, start

async def write(storage):
    run_id = start(storage, n_total={N})
    async with storage.writer(run_id) as writer:
        for number in range({N}):
            await writer.put_result(result(number))
            if number % 20 == 0:
                await writer.flush()
    storage.update_run(run_id, status="complete")

with MetricsStorage(sys.argv[1]) as storage:
    asyncio.run(write(storage))
"""


def test_writers_and_readers_share_a_database(database_url: str) -> None:
    """It is new: the first of them makes its tables, and the others wait for that."""
    command = [sys.executable, "-W", "ignore", "-c", WRITE, database_url]
    writers = [
        subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(WRITERS)
    ]
    n_read = 0
    while any(writer.poll() is None for writer in writers):
        with MetricsStorage(database_url) as storage:
            for info in storage.list_runs():
                found = [result.index for result in storage.results(info.run_id)]
                assert found == list(range(len(found)))
                n_read += 1
        time.sleep(0.02)
    said = [writer.communicate()[1] for writer in writers]
    assert said == [""] * WRITERS
    with MetricsStorage(database_url) as storage:
        runs = storage.list_runs()
        assert [(info.status, info.n_done) for info in runs] == [("complete", N)] * WRITERS
        assert storage.check() == []
    assert n_read > 0
