"""What a run has one of for each sample is in a file without a name."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_eval.errors import StoreError
from llm_eval.metrics.spool import Spool
from llm_eval.metrics.spooled_list import SpooledList

LARGE = 3 << 20
"""More than a spool keeps in memory."""


def open_files(directory: Path) -> list[str]:
    links = list(Path("/proc/self/fd").iterdir())
    targets = [str(link.readlink()) for link in links if link.is_symlink()]
    return [target for target in targets if target.startswith(str(directory))]


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_what_was_appended_is_read_where_it_was_put(parts: list[bytes]) -> None:
    spool = Spool()
    places = [spool.append(part) for part in parts]
    for place, part in reversed(list(zip(places, parts, strict=True))):
        target = np.zeros(len(part), np.uint8)
        spool.read_into(place, target)
        assert target.tobytes() == part


def test_a_large_spool_has_no_name_and_is_closed_with_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spool = Spool()
    spool.append(bytes(LARGE))
    assert list(tmp_path.iterdir()) == []
    assert len(open_files(tmp_path)) == 1
    del spool
    assert open_files(tmp_path) == []


def test_a_small_spool_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    spool = Spool()
    spool.append(b"abc")
    with pytest.raises(StoreError, match=r"not there.*No such file.*TMPDIR"):
        spool.append(bytes(LARGE))


def test_nothing_is_left_of_a_process_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, signal
from llm_eval.metrics.spool import Spool
spool = Spool()
spool.append(bytes({LARGE}))
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == -9
    assert list(tmp_path.iterdir()) == []


texts = st.text(st.characters(), max_size=5)


@given(st.lists(st.lists(st.tuples(texts, st.floats(allow_nan=False)), max_size=4), max_size=4))
def test_a_spooled_list_reads_as_the_list_it_stands_for(
    pages: list[list[tuple[str, float]]],
) -> None:
    """Lone surrogates and infinities too."""
    spooled = SpooledList(tuple)
    for page in pages:
        spooled.extend(page)
    items = [item for page in pages for item in page]
    assert list(spooled) == items == [spooled[n] for n in range(len(items))]
    assert spooled[1:3] == items[1:3]
    if items:
        assert spooled[-1] == items[-1]
    with pytest.raises(IndexError):
        spooled[len(items)]
