"""Postgres that refuses, deadlocks, cuts connections or is full: retried where it helps."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import psycopg
import pytest

from llm_eval import evaluate
from llm_eval.errors import StoreError
from llm_eval.evaluation import Plan
from llm_eval.event_loop import in_own_loop
from llm_eval.execution import execute_plan
from llm_eval.metrics.storage import MetricsStorage
from tests.databases import fresh_database, postgres_server
from tests.test_runner import Numbers, model, plan_of

TRIGGER = """
CREATE SEQUENCE met;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('met') <= {times} THEN
    RAISE EXCEPTION 'refused' USING ERRCODE = '{code}';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuses BEFORE INSERT ON results FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""
"""A sequence does not roll back: the n-th attempt is refused, whatever became of the others."""


@pytest.fixture
def url(postgres_url: str) -> str:
    return fresh_database(postgres_url)


@pytest.fixture
def storage(url: str) -> Iterator[MetricsStorage]:
    with MetricsStorage(url) as opened:
        yield opened


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize("code", ["40001", "40P01", "57P01", "08006"])
def test_what_passes_is_tried_again(code: str, url: str, storage: MetricsStorage) -> None:
    """Serialisation failures, deadlocks, a server that goes down, a connection that breaks."""
    execute(url, TRIGGER.format(times=3, code=code))
    done = evaluate(Numbers(n=50), model(), db=storage)
    assert (done.status, done.summary.n_scored) == ("complete", 50)
    assert [result.index for result in done.results()] == list(range(50))


def test_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_space(
    url: str, storage: MetricsStorage
) -> None:
    execute(url, TRIGGER.format(times=10**9, code="53100"))
    task, asked = Numbers(n=50), model()
    with pytest.raises(StoreError, match=r"free some space.*--resume"):
        evaluate(task, asked, db=storage)
    execute(url, "DROP TRIGGER refuses ON results")
    plan, stopped = plan_of(task, asked, storage), storage.get_run("latest")
    done = in_own_loop(lambda: execute_plan(plan, storage, resume=stopped))
    assert (done.status, done.summary.n_scored) == ("complete", 50)


def test_connections_that_are_cut_are_made_again(
    url: str, storage: MetricsStorage, postgres_url: str
) -> None:
    """Also within a COMMIT, where nobody knows whether it was kept: every write can be repeated."""
    name = url.rpartition("/")[2].partition("?")[0]
    ended = threading.Event()
    n_cut = 0

    def cut() -> None:
        nonlocal n_cut
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            while not ended.wait(0.2):
                found = admin.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE datname = %s AND pid <> pg_backend_pid()", (name,),
                ).fetchone()  # fmt: skip
                n_cut += found[0] if found else 0

    asked = model(latency_s=0.01)
    plan = plan_of(Numbers(n=400), asked, storage, concurrency=8)
    evil, deadline = threading.Thread(target=cut), time.monotonic() + 60
    evil.start()
    try:
        while not go_on(plan, storage):
            assert time.monotonic() < deadline
    finally:
        ended.set()
        evil.join()
    assert n_cut > 0
    done = storage.get_run("latest")
    assert storage.count_runs() == 1
    assert [result.index for result in storage.results(done.run_id)] == list(range(400))
    assert len(asked.calls) == 400  # a write that was cut is written again, not asked again


def test_a_server_killed_in_the_middle_loses_nothing_and_repeats_nothing() -> None:
    """SIGKILL to all its processes, twice; the run waits until somebody starts it again."""
    asked = model(latency_s=0.01)
    with postgres_server() as server, MetricsStorage(fresh_database(server.get_uri())) as storage:
        plan = plan_of(Numbers(n=600), asked, storage, concurrency=8)
        done: list[bool] = []
        run = threading.Thread(target=lambda: done.append(go_on(plan, storage)))
        run.start()
        for n_asked in (150, 350):
            wait_until(lambda n=n_asked: len(asked.calls) >= n)  # type: ignore[misc]
            kill_all(server.get_pid())
            server.ensure_postgres_running()
        run.join(90)
        assert done == [True]
        results = list(storage.results(storage.get_run("latest").run_id))
        assert [result.index for result in results] == list(range(600))
        assert storage.check() == []
    assert len(asked.calls) == 600


def kill_all(postmaster: int) -> None:
    """The first process first: it would start the others again."""
    first = psutil.Process(postmaster)
    processes = [first, *first.children(recursive=True)]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def go_on(plan: Plan, storage: MetricsStorage) -> bool:
    """Run, or resume; whether it came to its end: a read that is cut is told, not tried again."""
    try:
        known = next(iter(storage.list_runs(limit=1)), None)
        done = in_own_loop(lambda: execute_plan(plan, storage, resume=known))
    except StoreError as exc:
        assert "--resume" in str(exc) or "server" in str(exc)  # noqa: PT017 - either is right
        return False
    return done.status == "complete"
