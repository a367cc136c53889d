"""The rules under which SQLite loses nothing, and what is said when its file cannot be used."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llm_eval.cli.main import main
from llm_eval.errors import ConfigError, StoreError
from llm_eval.metrics import engine as engines
from llm_eval.metrics import write_ahead_log
from llm_eval.metrics.exporters import JSONLExporter, read_samples
from llm_eval.metrics.filesystem import network_filesystem
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.metrics.transactions import reading, writing
from llm_eval.metrics.write_ahead_log import checkpoint, has_reset_bug
from tests.metrics.test_storage import put, result, start

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[MetricsStorage]:
    with MetricsStorage(f"sqlite:///{tmp_path}/runs.db") as opened:
        yield opened


def other(storage: MetricsStorage) -> sqlite3.Connection:
    """Another process's connection, in short patience."""
    return sqlite3.connect(storage._engine.url.database or "", timeout=0.05, isolation_level=None)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("wal_autocheckpoint", 0),
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
        ("busy_timeout", 30_000),
    ],
)
def test_every_connection_follows_the_rules(
    pragma: str, value: object, storage: MetricsStorage
) -> None:
    with reading(storage._engine) as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_write_waits_for_another_writer_from_its_beginning(storage: MetricsStorage) -> None:
    """Not half-way: then it would fail at once, and SQLite would not wait."""
    holder = other(storage)
    holder.execute("BEGIN IMMEDIATE")
    written = threading.Event()

    def write() -> None:
        start(storage)
        written.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert not written.wait(0.2)
    holder.execute("COMMIT")
    thread.join(20)
    holder.close()
    assert storage.count_runs() == 1


def test_who_reads_neither_waits_nor_makes_others_wait(storage: MetricsStorage) -> None:
    with reading(storage._engine) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM runs").scalar()
        start(storage)
    assert storage.count_runs() == 1


@pytest.mark.parametrize(
    ("version", "has"),
    [
        ((3, 7, 0), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 46, 1), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_versions_that_lose_commits_are_known(version: tuple[int, int, int], has: bool) -> None:
    """sqlite.org/wal.html, "The WAL-Reset Bug"."""
    assert has_reset_bug(version) is has


def test_nobody_can_commit_beside_a_checkpoint(
    storage: MetricsStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug needs a commit or a second checkpoint at that moment."""
    said: list[str] = []
    move = write_ahead_log._move

    def watched(engine: object) -> None:
        beside = other(storage)
        try:
            beside.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as exc:
            said.append(exc.sqlite_errorname)
        beside.close()
        move(storage._engine)

    monkeypatch.setattr(write_ahead_log, "_move", watched)
    start(storage)
    checkpoint(storage._engine)
    assert said == ["SQLITE_BUSY"]


async def test_a_checkpoint_moves_the_log_and_loses_nothing(storage: MetricsStorage) -> None:
    run_id = start(storage)
    await put(storage, run_id, *map(result, range(50)))
    alone = copy(storage, "alone.db", ends=("",))  # without its log
    connection = sqlite3.connect(alone)
    assert connection.execute("SELECT count(*) FROM results").fetchone() == (50,)
    connection.close()


def test_a_network_filesystem_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "36 25 0:32 / / rw shared:1 - ext4 /dev/vda rw\n"
        f"37 25 0:33 / {tmp_path}/far\\040away rw shared:1 - nfs4 server:/home rw\n"
    )
    assert network_filesystem(tmp_path / "far away" / "runs", mounts) == "nfs4"
    assert network_filesystem(tmp_path, mounts) is None
    monkeypatch.setattr(engines, "network_filesystem", lambda path: "nfs4")
    with pytest.raises(ConfigError, match=r"network filesystem \(nfs4\).*--db"):
        MetricsStorage(f"sqlite:///{tmp_path}/runs.db")


def copy(storage: MetricsStorage, name: str, ends: tuple[str, ...] = ("", "-wal", "-shm")) -> Path:
    """Of the database's files, as they are now."""
    database = Path(storage._engine.url.database or "")
    for end in ends:
        database.with_name(f"{name}{end}").write_bytes(Path(f"{database}{end}").read_bytes())
    return database.with_name(name)


def cut_log(database: Path) -> None:
    log = Path(f"{database}-wal")
    log.write_bytes(log.read_bytes()[:-1000])


def drop_index(database: Path) -> None:
    Path(f"{database}-shm").unlink()


def cut_log_to_nothing(database: Path) -> None:
    Path(f"{database}-wal").write_bytes(b"")


@pytest.mark.parametrize("damage", [cut_log, drop_index, cut_log_to_nothing])
async def test_what_is_left_of_a_log_is_a_whole_prefix(
    damage: Callable[[Path], None], storage: MetricsStorage
) -> None:
    """A copy that a power cut left: its log is torn, or the index of the log is gone."""
    run_id = start(storage)
    checkpoint(storage._engine)
    async with storage.writer(run_id) as writer:
        for number in range(20):
            await writer.put_result(result(number))
            await writer.flush()
        copied = copy(storage, "copy.db")
    damage(copied)
    with MetricsStorage(f"sqlite:///{copied}") as found:
        assert found.check() == []
        indices = [each.index for each in found.results(run_id)]
        assert indices == list(range(len(indices)))
        assert len(indices) >= (19 if damage is cut_log else 20 if damage is drop_index else 0)


def tear(database: Path, after: int) -> None:
    """Zeros at the beginnings of all pages behind so many bytes."""
    body = bytearray(database.read_bytes())
    for page in range(after // 4096, len(body) // 4096):
        body[page * 4096 : page * 4096 + 64] = bytes(64)
    database.write_bytes(body)


async def test_damage_is_found_and_said_and_runs_away_from_it_can_be_exported(
    storage: MetricsStorage, tmp_path: Path
) -> None:
    first, second, third = start(storage), start(storage), start(storage)
    for run_id in (first, second):
        await put(storage, run_id, *map(result, range(300)))
    whole = copy(storage, "damaged.db", ends=("",)).stat().st_size
    await put(storage, third, *map(result, range(300)))
    damaged = copy(storage, "damaged.db", ends=("",))
    tear(damaged, whole)
    with MetricsStorage(f"sqlite:///{damaged}") as found:
        assert found.check() != []
        with pytest.raises(StoreError, match=r"doctor says how far.*llm-eval doctor --rescue NEW"):
            list(found.results(third))
        file = tmp_path / "saved.jsonl"
        assert JSONLExporter(found).export_samples(file, runs=[first]) == 300
    assert [each for _, each in read_samples(file)] == list(storage.results(first))


async def test_a_file_that_was_cut_is_refused_and_left_alone(storage: MetricsStorage) -> None:
    await put(storage, start(storage), *map(result, range(300)))
    cut = copy(storage, "cut.db", ends=("",))
    left = cut.read_bytes()[: 20 * 4096]
    cut.write_bytes(left)
    with pytest.raises(StoreError, match=r"doctor says how far.*llm-eval doctor --rescue NEW"):
        MetricsStorage(f"sqlite:///{cut}")
    assert cut.read_bytes() == left


def test_doctor_names_damage_and_ends_with_2(storage: MetricsStorage, capsys: Captured) -> None:
    start(storage)
    checkpoint(storage._engine)
    damaged = copy(storage, "damaged.db", ends=("",))
    tear(damaged, 2 * 4096)
    assert main(["doctor", "--db", f"sqlite:///{damaged}"]) == 2
    assert "BROKEN  database" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\1" * 99]
)
def test_what_is_no_database_is_said(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="name another with --db"):
        MetricsStorage(f"sqlite:///{file}")
    assert file.read_bytes() == content


def test_a_database_that_cannot_be_written_is_said(storage: MetricsStorage) -> None:
    with reading(storage._engine) as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreError, match="must be writable"):
        writing(storage._engine, lambda c: c.exec_driver_sql("DELETE FROM runs"))


@pytest.mark.parametrize("name", ["runs.db", "a dir/ü?x=1#%41.sqlite", "runs"])
def test_a_file_is_named_as_it_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with MetricsStorage(name) as storage:
        assert storage.list_runs() == []
    assert (tmp_path / name).is_file()
    with MetricsStorage(f"{tmp_path}/{name}") as storage:
        assert storage.list_runs() == []


@pytest.mark.parametrize("url", ["postgresql:/host/runs", "sqlite:runs.db", ":memory:", "C:runs"])
def test_a_url_with_a_slip_makes_no_file(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError):
        MetricsStorage(url)
    assert list(tmp_path.iterdir()) == []
