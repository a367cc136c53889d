"""What can be read of a damaged file is saved; what was lost can be made again."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from llm_eval import evaluate
from llm_eval.cli.main import main
from llm_eval.errors import ConfigError, StoreError
from llm_eval.event_loop import in_own_loop
from llm_eval.execution import Evaluation
from llm_eval.metrics.rescue import Rescue, rescue
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.base import BaseModel
from llm_eval.models.caching import Caching
from llm_eval.testing import ScriptedModel
from llm_eval.types import RunInfo, SampleResult
from tests.test_runner import Numbers, echo, run_again

PAGE = 4096
N = 300
MEASURED = ("wall_s", "samples_per_s", "latency_s", "db")
Captured = pytest.CaptureFixture[str]
Damage = Callable[["Original"], bytes]


class Original:
    """A sound database with two runs, and what is in it."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "runs.db"
        with MetricsStorage(f"sqlite:///{self.file}") as storage:
            for name in ("first", "second"):
                run(storage, name)
            storage.baselines.promote("main", storage.get_run("which=first").run_id, by="Ann")
            storage.update_run(
                storage.get_run("which=second").run_id, summary=long_summary(storage)
            )
            self.runs = {name: storage.get_run(f"which={name}") for name in ("first", "second")}
            self.results = {name: results(storage, name) for name in self.runs}
        self.body = self.file.read_bytes()
        with closing(sqlite3.connect(self.file)) as connection:
            self.roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema"))
            names = [name for name in self.roots if name in ("runs", "results", "responses")]
            self.counts = {name: count(connection, name) for name in names}

    def without(self, *pages: int, of: bytes | None = None) -> bytes:
        """The file, its pages with these numbers torn: their first 64 bytes are zeros."""
        body = bytearray(self.body if of is None else of)
        for page in pages:
            body[(page - 1) * PAGE : (page - 1) * PAGE + 64] = bytes(64)
        return bytes(body)

    def pages_with(self, words: bytes) -> list[int]:
        """Numbers of the pages that hold these words."""
        n = len(self.body) // PAGE
        return [at + 1 for at in range(n) if words in self.body[at * PAGE : (at + 1) * PAGE]]


def run(storage: MetricsStorage, name: str) -> Evaluation:
    return evaluate(Numbers(n=N), model(name), db=storage, tags={"which": name})


def model(name: str) -> ScriptedModel:
    return ScriptedModel(echo, name=name)


def long_summary(storage: MetricsStorage) -> dict[str, object]:
    """So long that its last page holds nothing else."""
    return {**(storage.get_run("which=second").summary or {}), "padding": "p" * 3 * PAGE}


def results(storage: MetricsStorage, name: str) -> list[SampleResult]:
    return list(storage.results(storage.get_run(f"which={name}").run_id))


def count(connection: sqlite3.Connection, table: str) -> int:
    (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found)


def go_on(storage: MetricsStorage, name: str, asked: BaseModel) -> Evaluation:
    info = storage.get_run(f"which={name}")
    tags = {"which": name}
    return in_own_loop(lambda: run_again(info.run_id, Numbers(n=N), asked, storage, tags=tags))


def numbers(info: RunInfo) -> dict[str, object]:
    summary = {**(info.summary or {})}
    return {k: v for k, v in summary.items() if k not in (*MEASURED, "padding")}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    return Original(tmp_path_factory.mktemp("original"))


class Rescued:
    """What became of a damaged file, and the new one."""

    def __init__(self, body: bytes, directory: Path) -> None:
        damaged, self.file = directory / "damaged.db", directory / "saved.db"
        damaged.write_bytes(body)
        self.said: Rescue = rescue(damaged, self.file)
        assert damaged.read_bytes() == body
        assert {path.name for path in directory.iterdir()} == {"damaged.db", "saved.db"}
        self.rows = {saved.table: saved.rows for saved in self.said.tables}
        self.lost = {saved.table: saved.lost for saved in self.said.tables}

    def open(self) -> MetricsStorage:
        return MetricsStorage(f"sqlite:///{self.file}")


def nothing(original: Original) -> bytes:
    return original.body


def no_header(original: Original) -> bytes:
    return bytes(100) + original.body[100:]


def no_first_page(original: Original) -> bytes:
    return bytes(PAGE) + original.body[PAGE:]


def wrong_header(original: Original) -> bytes:
    return b"\1" * 24 + original.body[24:]


def no_roots(original: Original) -> bytes:
    return original.without(*(original.roots[name] for name in ("results", "responses")))


def no_indexes(original: Original) -> bytes:
    return original.without(*(root for name, root in original.roots.items() if "autoindex" in name))


def wrong_numbers(original: Original) -> bytes:
    return original.without(original.pages_with(b"p" * 3000)[-1])


def half_of_the_numbers(original: Original) -> bytes:
    """The chain of their pages is broken."""
    return original.without(original.pages_with(b"p" * 3000)[1])


@pytest.mark.parametrize(
    "damage",
    [
        nothing,
        no_header,
        wrong_header,
        no_first_page,
        no_roots,
        no_indexes,
        wrong_numbers,
        half_of_the_numbers,
    ],
)
def test_every_row_is_saved_where_no_row_is_damaged(
    damage: Damage, original: Original, tmp_path: Path
) -> None:
    """Also where nothing leads to the rows any more, or where the numbers can be made anew."""
    saved = Rescued(damage(original), tmp_path)
    assert {name: saved.rows[name] for name in original.counts} == original.counts
    assert all(lost in (0, None) for lost in saved.lost.values())
    with saved.open() as storage:
        assert storage.check() == []
        for name, rows in original.results.items():
            assert results(storage, name) == rows
        assert storage.get_run("main").run_id == original.runs["first"].run_id
        for name in original.runs:
            unasked = model(name)
            assert go_on(storage, name, unasked).status == "complete"
            assert unasked.calls == []
            found = storage.get_run(f"which={name}")
            assert numbers(found) == numbers(original.runs[name])


def torn(original: Original) -> bytes:
    """One page in eleven, but not those of the runs themselves."""
    kept = {1, *original.pages_with(b"run_20")}
    return original.without(*(n for n in range(2, len(original.body) // PAGE, 11) if n not in kept))


def cut(original: Original) -> bytes:
    return original.body[: len(original.body) * 2 // 3 + 1000]


@pytest.mark.parametrize("damage", [torn, cut])
def test_what_is_lost_is_counted_and_asked_for_again(
    damage: Damage, original: Original, tmp_path: Path
) -> None:
    saved = Rescued(damage(original), tmp_path)
    assert saved.said.loses
    n_asked = 0
    with saved.open() as storage:
        assert storage.check() == []
        for name in [info.tags["which"] for info in storage.list_runs()]:
            kept = results(storage, name)
            assert all(row in original.results[name] for row in kept)
            info = storage.get_run(f"which={name}")
            whole = len(kept) == N
            assert (info.status, info.summary is None) == (
                ("complete", False) if whole else ("incomplete", True)
            )
            assert whole == (info.run_id not in [run.run_id for run in saved.said.unfinished])
            n_replies = len(storage.usage_table(info.run_id).indices)
            asked = model(name)
            assert go_on(storage, name, asked).status == "complete"
            assert len(asked.calls) == N - n_replies
            n_asked += len(asked.calls)
            assert results(storage, name) == original.results[name]
            assert numbers(storage.get_run(f"which={name}")) == numbers(original.runs[name])
    if damage is torn:
        assert (
            n_asked
            == saved.lost["responses"]
            == original.counts["responses"] - saved.rows["responses"]
        )
        assert n_asked > 0


def test_replies_of_a_lost_run_are_not_asked_for_again(original: Original, tmp_path: Path) -> None:
    """The run's own row is damaged within its recipe."""
    run_id = original.runs["first"].run_id.encode()
    (page,) = [n for n in original.pages_with(b"first") if n in original.pages_with(run_id)][:1]
    body = bytearray(original.body)
    at = body.index(run_id, (page - 1) * PAGE)
    body[at : at + len(run_id)] = b"\xff" * len(run_id)
    saved = Rescued(bytes(body), tmp_path)
    assert (saved.rows["runs"], saved.lost["runs"]) == (1, 1)
    assert saved.said.n_cached == N
    with saved.open() as storage:
        assert [info.tags["which"] for info in storage.list_runs()] == ["second"]
        unasked = model("first")
        again = evaluate(Numbers(n=N), Caching(unasked, storage.cache()), db=storage)
    assert unasked.calls == []
    assert again.metrics["exact_match"].value == 1.0


async def copy_with_log(storage: MetricsStorage, file: Path, copied: Path) -> None:
    """While the second half of a run's results stands only in the log."""
    run_id = storage.get_run("latest").run_id
    async with storage.writer(run_id) as writer:
        for row in list(storage.results(run_id)):
            await writer.put_result(replace(row, index=row.index + 20))
        await writer.flush()
        for end in ("", "-wal"):
            shutil.copyfile(f"{file}{end}", f"{copied}{end}")


def test_what_stands_only_in_the_log_is_saved_too(tmp_path: Path) -> None:
    """Without frames that are torn, or left from an older log."""
    damaged, log = tmp_path / "damaged.db", tmp_path / "damaged.db-wal"
    with MetricsStorage(f"sqlite:///{tmp_path}/runs.db") as storage:
        run_id = evaluate(Numbers(n=20), model("first"), db=storage).run_id
        in_own_loop(lambda: copy_with_log(storage, tmp_path / "runs.db", damaged))
        expected = list(storage.results(run_id))
    whole, frame = log.read_bytes(), PAGE + 24
    torn = (whole[at : at + 24] + bytes(PAGE) for at in range(32, len(whole), frame))
    log.write_bytes(whole + b"".join(torn))
    before = log.read_bytes()
    rescue(damaged, tmp_path / "saved.db")
    assert log.read_bytes() == before
    with MetricsStorage(f"sqlite:///{tmp_path}/saved.db") as storage:
        assert list(storage.results(run_id)) == expected
    assert len(expected) == 40


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_overwritten_what_is_saved_can_be_read_and_was_there(
    seed: int, original: Original, tmp_path: Path
) -> None:
    draw = random.Random(seed)
    body = bytearray(original.body)
    for _ in range(draw.randrange(1, 40)):
        at, length = draw.randrange(len(body)), draw.choice((1, 8, 100, PAGE, 3 * PAGE))
        rubbish = draw.choice((bytes(length), draw.randbytes(length), body[: length // 2]))
        body[at : at + len(rubbish)] = rubbish
    saved = Rescued(bytes(body[: len(original.body)]), tmp_path)
    with saved.open() as storage:
        assert storage.check() == []
        for info in storage.list_runs():
            assert len(list(storage.results(info.run_id))) == info.n_done <= N
            assert main(["show", info.run_id, "--json", "--db", storage.url]) == 0
    known = {row.sample.key for rows in original.results.values() for row in rows}
    with closing(sqlite3.connect(saved.file)) as connection:
        keys = {key for (key,) in connection.execute("SELECT sample_key FROM results")}
    assert len(keys - known) <= 2  # a byte within a text cannot be told from what was there


def test_a_database_of_an_older_release_is_saved_as_one_of_this(tmp_path: Path) -> None:
    old = Path(__file__).parent / "databases" / "v0_1_0.db"
    saved = Rescued(old.read_bytes(), tmp_path)
    assert not saved.said.loses
    with saved.open() as storage:
        assert len(list(storage.results(storage.get_run("main").run_id))) == 3
        assert storage.lineage.find("anything") == []


@pytest.mark.parametrize("release_is_known", [True, False])
@pytest.mark.parametrize("is_upgraded", [True, False])
def test_rows_that_lack_what_an_upgrade_added_are_saved_whole(
    is_upgraded: bool, release_is_known: bool, tmp_path: Path
) -> None:
    """SQLite adds a column to the table and to no row."""
    source, target = tmp_path / "old.db", tmp_path / "saved.db"
    shutil.copy(Path(__file__).parent / "databases" / "v0_2_0.db", source)
    if is_upgraded:
        MetricsStorage(f"sqlite:///{source}").close()
    if not release_is_known:
        with closing(sqlite3.connect(source)) as connection, connection:
            connection.execute("DELETE FROM alembic_version")
    found = rescue(source, target)
    kept = {saved.table: saved.rows for saved in found.tables if not saved.lost}
    assert (kept["responses"], kept["results"]) == (3, 3)
    with MetricsStorage(f"sqlite:///{target}") as storage:
        run_id = storage.get_run("main").run_id
        _, outcomes = storage.scores_and_outcomes(run_id)
        assert outcomes.cut_off.tolist() == [False, True, True]
        assert len(list(storage.results(run_id))) == 3


def command(*words: object) -> int:
    return main(["doctor", *map(str, words)])


def test_doctor_says_what_it_saved_and_what_goes_on(
    original: Original, tmp_path: Path, capsys: Captured
) -> None:
    damaged, new = tmp_path / "damaged.db", tmp_path / "new.db"
    damaged.write_bytes(torn(original))
    db = f"sqlite:///{damaged}"
    assert command("--db", db) == 2
    assert "llm-eval doctor --rescue NEW.db" in capsys.readouterr().out
    assert command("--db", db, "--rescue", new) == 4
    shown = capsys.readouterr()
    assert "known to be lost" in shown.out
    first = original.runs["first"].run_id
    assert f"{first} has " in shown.out
    assert f"go on with: llm-eval run --resume {first} --db sqlite:///{new}" in shown.err
    assert command("--db", f"sqlite:///{new}") == 0


def test_a_sound_database_is_copied_and_loses_nothing(
    original: Original, tmp_path: Path, capsys: Captured
) -> None:
    new = f"sqlite:///{tmp_path}/new.db"
    assert command("--db", f"sqlite:///{original.file}", "--rescue", new, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["unfinished"] == []
    assert {"table": "runs", "rows": 2, "lost": 0, "at_least": False} in said["tables"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--db", "sqlite:///DIR/runs.db", "--rescue", "DIR/there.db"),
            "there.db is there already",
        ),
        (("--db", "sqlite:///DIR/none.db", "--rescue", "DIR/new.db"), "there is no database"),
        (("--db", "sqlite:///DIR/text.db", "--rescue", "DIR/new.db"), "holds no rows of a run"),
        (("--db", "sqlite:///DIR/empty.db", "--rescue", "DIR/new.db"), "holds no rows of a run"),
        (("--db", "postgresql://x/y", "--rescue", "DIR/new.db"), "SQLite files"),
        (("--db", "sqlite:///DIR/runs.db", "--rescue", "postgresql://x/y"), "SQLite files"),
        (("--db", "sqlite:///DIR/runs.db", "--rescue", "DIR/no/such.db"), "No such file"),
    ],
)
def test_what_cannot_be_rescued_is_one_line(
    words: Sequence[str], message: str, original: Original, tmp_path: Path, capsys: Captured
) -> None:
    shutil.copyfile(original.file, tmp_path / "runs.db")
    (tmp_path / "text.db").write_bytes(b"a text, and no database" * 1000)
    (tmp_path / "empty.db").touch()
    (tmp_path / "there.db").write_bytes(b"precious")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert command(*(word.replace("DIR", str(tmp_path)) for word in words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / "there.db").read_bytes() == b"precious"


def test_a_newer_release_is_refused(original: Original, tmp_path: Path) -> None:
    newer = tmp_path / "newer.db"
    shutil.copyfile(original.file, newer)
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9.9.9'")
        connection.commit()
    with pytest.raises(ConfigError, match="written by a newer llm-eval"):
        rescue(newer, tmp_path / "new.db")


def test_a_damaged_database_names_the_way_out(original: Original, tmp_path: Path) -> None:
    for damage, error in ((no_header, ConfigError), (cut, StoreError)):
        damaged = tmp_path / f"{damage.__name__}.db"
        damaged.write_bytes(damage(original))
        with pytest.raises(error, match=r"llm-eval doctor --rescue NEW\.db"):
            MetricsStorage(f"sqlite:///{damaged}")


SHOW = ("show", "RUN", "--slice", "all", "--limit", str(N))
EXPORT = ("export", "RUN", "--format", "csv", "--output", "rows.csv")


@pytest.mark.parametrize(("rubbish", "words"), [(b";", SHOW), (b"\xff", SHOW), (b"\xff", EXPORT)])
def test_a_damaged_text_is_said_with_the_way_out(
    rubbish: bytes,
    words: Sequence[str],
    original: Original,
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SQLite takes such a file for sound."""
    monkeypatch.chdir(tmp_path)
    body = bytearray(original.body)
    at = body.index(b'[{"metric":"exact_match"')
    body[at + 10 : at + 11] = rubbish
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(body)
    codes, said = set(), ""
    for info in original.runs.values():
        given = [info.run_id if word == "RUN" else word for word in words]
        codes.add(main([*given, "--db", f"sqlite:///{damaged}"]))
        said += capsys.readouterr().err
    assert codes == {0, 4}
    (line,) = [line for line in said.splitlines() if line.startswith("llm-eval: ")]
    assert "llm-eval doctor --rescue NEW.db" in line
    assert "exact_match" not in line
    saved = tmp_path / "saved.db"
    assert command("--db", f"sqlite:///{damaged}", "--rescue", saved) == 4
    with MetricsStorage(f"sqlite:///{saved}") as storage:
        assert sum(info.n_done for info in storage.list_runs()) == 2 * N - 1
