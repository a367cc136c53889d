"""A half-written file never replaces a good one."""

import os
import stat
from pathlib import Path

import pytest

from llm_eval.errors import ConfigError
from llm_eval.metrics.atomic_file import replacing


def interrupted_write(path: Path) -> None:
    with replacing(path) as stream:
        stream.write(b"half")
        raise KeyboardInterrupt


def write_when_nobody_reads(path: Path, reader: int) -> None:
    with replacing(path) as stream:
        os.close(reader)
        stream.write(b"new")


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "good.csv"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        interrupted_write(path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["good.csv"]


def test_a_full_disk_is_said_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "good.csv"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    said = r"good.csv: cannot be written: No space"
    with pytest.raises(ConfigError, match=said), replacing(path) as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["good.csv"]


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "x.csv"
    with replacing(path) as stream:
        stream.write(b"new")
        stream.flush()
        assert not path.exists()
    assert path.read_bytes() == b"new"


def test_the_mode_is_what_open_gives_or_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x"
    old_mask = os.umask(0o027)
    try:
        with replacing(path):
            pass
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        with replacing(path):
            pass
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(old_mask)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with replacing(tmp_path / "link") as stream:
        stream.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_directory_or_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"), replacing(tmp_path):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"), replacing(tmp_path / "file" / "x"):
        pass


def test_a_pipe_is_written_through_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with replacing(pipe) as stream:
            stream.write(b"new")
        assert os.read(reader, 9) == b"new"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_descriptor_of_a_pipe_is_written_through(tmp_path: Path) -> None:
    """What a shell gives for `>(gzip > x.csv.gz)`: its link leads to no path."""
    reader, writer = os.pipe()
    with replacing(f"/dev/fd/{writer}") as stream:
        stream.write(b"new")
    os.close(writer)
    assert os.read(reader, 9) == b"new"
    os.close(reader)


def test_a_pipe_whose_reader_left_is_said(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(ConfigError, match="pipe: cannot be written"):
        write_when_nobody_reads(pipe, reader)
