"""What a command tells people to type next works as it stands."""

import pytest

from llm_eval.cli.database import command


@pytest.mark.parametrize(
    ("db", "said"),
    [
        (None, "llm-eval show latest"),
        ("sqlite:///runs.db", "llm-eval show latest --db sqlite:///runs.db"),
        ("sqlite:///my runs.db", "llm-eval show latest --db 'sqlite:///my runs.db'"),
        ("postgresql://me@host/x", "llm-eval show latest --db postgresql://me@host/x"),
    ],
)
def test_the_next_command_is_about_the_same_database(db: str | None, said: str) -> None:
    assert command("show", "latest", db=db) == said


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_a_password_is_not_repeated(scheme: str) -> None:
    said = command("show", "latest", db=f"{scheme}://me:secret@host:5432/x")
    assert said == "llm-eval show latest --db URL"


def test_a_name_from_a_file_is_no_shell_code() -> None:
    said = command("show", "run_1", "--sample", "x; rm -rf $HOME", db=None)
    assert said == "llm-eval show run_1 --sample 'x; rm -rf $HOME'"
