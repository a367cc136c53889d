"""The recipe of a run: everything that produced its numbers, as one JSON object.

    {"task": "json", "task_version": 1, "split": "test", "dataset_hash": "9f…", "prompt_hash": …,
     "model": {…}, "sampling": {…}, "scorers": […], "metrics": […], "seed": 0, "code": {…}}

Two runs are comparable when the fields of `MUST_MATCH` are equal; a resumed run must match its own
recipe in every field but `code`.
"""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from llm_eval.errors import ConfigError, DatasetError, EvalError
from llm_eval.fingerprint import DatasetHash, canonical
from llm_eval.models.base import BaseModel
from llm_eval.scorers.canaries import PREPARED
from llm_eval.tasks.base import Task
from llm_eval.types import Sample, Sampling
from llm_eval.version import __version__

IGNORED = ("code", "request", "rescoring", PREPARED)
"""What a run may be gone on with all the same."""
MUST_MATCH = ("task", "task_version", "split", "dataset_hash", "prompt_hash", "scorers")
"""What two runs share when the difference of their numbers is the model's doing."""
KEPT_SAMPLES = 10_000
KEPT_BYTES = 4 << 20
"""Of JSON; as objects it is several times as much."""


@dataclass(frozen=True, slots=True)
class DatasetScan:
    """What one pass over the rows found, before anything is spent."""

    n: int
    hash: str
    first: tuple[Sample, ...] = ()
    """The first samples, as many as are kept in little memory: the run need not read them again."""


def scan(task: Task, split: str, limit: int | None) -> DatasetScan:
    """Read every row and render every prompt once: what is malformed is found before it costs.

    Raises:
        DatasetError: a row cannot be read, its prompt cannot be rendered, or there is none.
    """
    running, n = DatasetHash(), 0
    first: list[Sample] = []
    room = KEPT_BYTES
    for sample in islice(task.samples(split), limit):
        try:
            for message in task.prompt(sample):
                message.content.encode()  # a lone surrogate cannot be sent
        except EvalError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise DatasetError(
                f"task {task.name!r}, sample {sample.id!r}: no prompt can be made of it: {exc!r}"
            ) from exc
        running.update(sample.key)
        if len(first) == n < KEPT_SAMPLES:
            room -= len(canonical((sample.inputs, sample.target)))
            if room >= 0:
                first.append(sample)
        n += 1
    if n == 0:
        raise DatasetError(f"task {task.name!r} has no samples in split {split!r}")
    return DatasetScan(n, running.hexdigest(), tuple(first))


def recipe(
    task: Task,
    model: BaseModel,
    sampling: Sampling,
    dataset: DatasetScan,
    *,
    split: str,
    epochs: int,
    seed: int,
    constrain: bool,
) -> dict[str, Any]:
    """The recipe of a run over `dataset`; JSON types only."""
    built = canonical(
        {
            "task": task.name,
            "task_version": task.version,
            "split": split,
            "dataset_hash": dataset.hash,
            "n_samples": dataset.n,
            "prompt_hash": task.prompt_hash,
            "model": model.identity,
            "model_fingerprint": model.fingerprint,
            "sampling": sampling,
            "constrained": constrain,
            "on_parse_error": task.on_parse_error,
            "scorers": [scorer.recipe for scorer in task.scorers],
            "metrics": [metric for scorer in task.scorers for metric in scorer.metrics],
            "epochs": epochs,
            "seed": seed,
            "code": code_version(),
        }
    )
    # Through JSON: a recipe that is read back must equal one that was just made.
    decoded: dict[str, Any] = msgspec.json.decode(built)
    return decoded


def differences(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    ignore: tuple[str, ...] = IGNORED,
) -> Iterator[str]:
    """Names of the fields in which two recipes differ."""
    for name in sorted(old.keys() | new.keys()):
        if name not in ignore and old.get(name) != new.get(name):
            yield name


def check_resumable(run_id: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse to mix two recipes in one run.

    Raises:
        ConfigError: they differ; names the fields.
    """
    if changed := list(differences(old, new)):
        raise ConfigError(
            f"run {run_id} cannot be resumed: {', '.join(changed)} changed since it started; "
            f"start a new run, or restore what it ran with"
        )


@cache
def code_version() -> dict[str, str | None]:
    """Version of this package, and the git commit of the directory that the run starts in."""
    return {"llm_eval": __version__, "git_commit": _git_commit(Path.cwd())}


def _git_commit(directory: Path) -> str | None:
    git = ["git", "-C", str(directory)]
    try:
        head = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=True
        ).stdout.strip()
        dirty = subprocess.run(  # noqa: S603
            [*git, "diff", "--quiet", "HEAD"], capture_output=True, timeout=10, check=False
        ).returncode
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}-dirty" if dirty else head
