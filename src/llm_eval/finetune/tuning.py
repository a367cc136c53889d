"""Search for the recipe that evaluates best: Optuna chooses, our scorers judge.

>>> best = Search("configs/tune/json_smollm2.yaml").run()
>>> best.value, best.changes
(0.47, {'train.learning_rate': 0.0011, 'lora.rank': 16})

A trial is one training; its value is the best validation of the task's own metric. Trials that lag
behind are stopped half-way. The study lies in a file: a search that was stopped goes on.
"""

import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from llm_eval.errors import ConfigError, TrainingError
from llm_eval.finetune.config import Recipe, load_recipe, overridden
from llm_eval.finetune.plan import prepare_training
from llm_eval.finetune.qlora_trainer import record, run
from llm_eval.finetune.tuning_config import Choices, Range, TuneConfig, load_tuning
from llm_eval.metrics.atomic_file import replacing
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.adapter_files import AdapterFiles
from llm_eval.models.hf.libraries import library

Say = Callable[[str], None]
_STUDY = "study.log"
_BEST, _RECIPE = "best", "best.yaml"
_FULL_TRIALS = 3
"""So many run to their end before any is stopped early."""


@dataclass(frozen=True, slots=True)
class Best:
    """What the search found."""

    value: float
    """Of the validation metric."""
    changes: Mapping[str, Any]
    """Fields of the recipe with their best values."""
    adapter: Path
    recipe: Path
    trials: tuple[tuple[int, str, float | None, Mapping[str, Any]], ...]
    """(number, state, value, changes) of every trial."""


class Search:
    """One search: its study, and the best adapter so far."""

    def __init__(
        self, path: str | Path, *, storage: MetricsStorage | None = None, say: Say = lambda _: None
    ) -> None:
        """Read the files and open the study.

        Raises:
            ConfigError: a file holds a mistake, or the recipe has no such field or no validation.
        """
        self.config, self._space = load_tuning(path)
        self._recipe = load_recipe(self.config.resolve(self.config.recipe))
        self._storage, self._say = storage, say
        if self._recipe.validate is None:
            raise ConfigError(
                f"{self.config.recipe}: the recipe has no `validate`, so no trial could be judged"
            )
        for name, kind in self._space.items():
            _check_choices(self._recipe, name, kind)
        self._prepared = prepare_training(self._recipe)
        self._directory = Path(self.config.output)
        self._study = _study(self.config, self._directory, maximise=self._maximises)

    @property
    def _maximises(self) -> bool:
        validator = self._prepared.validator
        assert validator is not None
        return validator.metric.higher_is_better

    def run(self) -> Best:
        """Run the trials that are left.

        Raises:
            TrainingError: no trial could be trained to its end.
        """
        optuna = library("optuna", "train")
        self._take_up()
        left = self.config.trials - len(self._ended())
        if left > 0:
            self._study.optimize(self._trial, n_trials=left, catch=(TrainingError,))
        complete = self._study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
        if not complete:
            raise TrainingError(
                f"none of {self.config.trials} trials was trained to its end; narrow the space of "
                f"{self.config.path}"
            )
        return self._best()

    def _ended(self) -> list[Any]:
        return [trial for trial in self._study.get_trials() if trial.state.is_finished()]

    def _take_up(self) -> None:
        """A trial that was killed half-way is tried again."""
        optuna = library("optuna", "train")
        for trial in self._study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
            self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            self._study.enqueue_trial(trial.params)

    def _trial(self, trial: Any) -> float:
        optuna = library("optuna", "train")
        changes = {name: suggest(trial, name, kind) for name, kind in self._space.items()}
        output = self._directory / f"trial-{trial.number}"
        recipe = overridden(self._recipe, output=str(output), **changes)
        self._say(f"trial {trial.number}: {told(changes)}")

        def judge(step: int, value: float) -> None:
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned(f"lags behind at step {step}")

        try:
            plan = prepare_training(recipe)
            adapter = run(plan, say=self._say, restart=True, on_validation=judge)
            step, value = (adapter.manifest or {})["lineage"]["best"]
            self._keep(recipe, adapter, value)
        finally:
            shutil.rmtree(output, ignore_errors=True)
            shutil.rmtree(output.with_name(f".{output.name}.training"), ignore_errors=True)
        self._say(f"trial {trial.number}: {value:.4f} at step {step}")
        return float(value)

    def _keep(self, recipe: Recipe, adapter: AdapterFiles, value: float) -> None:
        """Put the adapter in the best one's place if it is better."""
        kept = self._directory / _BEST
        if kept.exists():
            try:
                best = self._study.best_value
            except ValueError:  # nothing is complete yet
                best = None
            worse = best is not None and (value <= best if self._maximises else value >= best)
            if worse:
                return
            shutil.rmtree(kept)
        adapter.path.rename(kept)
        plain = msgspec.to_builtins(overridden(recipe, output=str(kept)))
        with replacing(self._directory / _RECIPE) as stream:
            stream.write(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).encode())
        if self._storage is not None:
            record(adapter, self._storage)

    def _best(self) -> Best:
        trials = tuple(
            (t.number, t.state.name.lower(), t.value, t.params) for t in self._study.get_trials()
        )
        best = self._study.best_trial
        return Best(
            best.value,
            best.params,
            self._directory / _BEST,
            self._directory / _RECIPE,
            trials,
        )


def suggest(trial: Any, name: str, kind: Range | Choices) -> Any:
    """A value of one field, chosen by Optuna."""
    if isinstance(kind, tuple):
        return trial.suggest_categorical(name, list(kind))
    if kind.whole:
        return trial.suggest_int(name, int(kind.low), int(kind.high), step=int(kind.step or 1))
    return trial.suggest_float(name, kind.low, kind.high, log=kind.log, step=kind.step)


def _possible(kind: Range | Choices) -> tuple[Any, ...]:
    """Every choice; of a range both ends, and a fraction between them where there may be one."""
    if isinstance(kind, tuple):
        return kind
    if kind.whole:
        return int(kind.low), int(kind.high)
    return kind.low, kind.low + (kind.high - kind.low) / math.pi, kind.high


def _check_choices(recipe: Recipe, name: str, kind: Range | Choices) -> None:
    """Refuse a value now that a later trial would stumble over.

    Raises:
        ConfigError: the recipe has no such field, or it does not take every value.
    """
    try:
        for value in _possible(kind):
            overridden(recipe, **{name: value})
    except ConfigError as exc:
        if isinstance(kind, tuple) or "expected int" not in str(exc):
            raise
        raise ConfigError(f"{exc}; `step: 1` makes it a range of whole numbers") from exc


def _study(config: TuneConfig, directory: Path, *, maximise: bool) -> Any:
    optuna = library("optuna", "train")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"output {directory} cannot be made: {exc.strerror}") from exc
    journal = optuna.storages.journal
    file = str(directory / _STUDY)
    backend = journal.JournalFileBackend(file, lock_obj=journal.JournalFileOpenLock(file))
    study = optuna.create_study(
        study_name=Path(config.path).stem,
        storage=journal.JournalStorage(backend),
        direction="maximize" if maximise else "minimize",
        load_if_exists=True,
    )
    # Seeded by how far it is: a search that goes on draws what comes next, not the first again.
    done = len(study.get_trials())
    study.sampler = optuna.samplers.TPESampler(seed=config.seed + done)
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=_FULL_TRIALS)
    return study


def told(changes: Mapping[str, Any]) -> str:
    """The values on one line."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in changes.items()
    )
