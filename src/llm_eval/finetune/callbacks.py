"""What is done between two steps of the trainer: watch the loss, validate, keep the best."""

import json
import math
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from llm_eval.errors import TrainingError
from llm_eval.finetune.adapter import replace_directory
from llm_eval.finetune.config import Recipe
from llm_eval.finetune.progress import Curve, Progress
from llm_eval.finetune.ranks import agree, is_first
from llm_eval.finetune.validation import Validator
from llm_eval.metrics.atomic_file import replacing
from llm_eval.models.hf.libraries import libraries

_BEST = "best-"
"""Directory of a state that was the best when it was saved, beside the checkpoints; its step."""
_VALIDATIONS = "validations.json"


def trainer_callback(watch: "Watch") -> Any:
    """`watch` as transformers' callback, whose class is only there once it is imported."""
    _, transformers = libraries()

    class Callback(transformers.TrainerCallback):  # type: ignore[misc,name-defined]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "loss" in logs:
                watch.loss(state.global_step, float(logs["loss"]))

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            every = watch.every
            if every and state.global_step % every == 0:
                control.should_training_stop |= validated(state.global_step)

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if watch.every is None:
                control.should_training_stop |= validated(state.global_step)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            validated(state.global_step)

    def validated(step: int) -> bool:
        """Whether it is time to stop, as the first process finds."""
        return agree(is_first() and watch.validate(step))

    return Callback()


class Watch:
    """The state between steps: the curve, the best value, and how long there was none better."""

    def __init__(
        self,
        recipe: Recipe,
        validator: Validator | None,
        progress: Progress,
        directory: Path,
        device: str,
        say: Callable[[str], None],
    ) -> None:
        self._recipe, self._validator, self._progress = recipe, validator, progress
        self._directory, self._device, self._say = directory, device, say
        self.model: Any = None
        """Wrapped by PEFT; set when the trainer has made it."""
        self.curve = Curve()
        self.best: tuple[int, float] | None = None
        """(step, value)."""
        self._without_gain = 0
        self.on_validation: Callable[[int, float], None] | None = None
        """Told of each validation; may raise to end the training."""

    @property
    def every(self) -> int | None:
        """Steps between validations; None: once an epoch."""
        return self._recipe.validate.every if self._recipe.validate else None

    def restore(self, step: int, log: Iterable[Mapping[str, Any]]) -> None:
        """Go on as it was at `step`: what came after it will come again.

        Args:
            step: of the checkpoint.
            log: the checkpoint's own log.
        """
        self.curve.losses = [
            (entry["step"], round(entry["loss"], 5)) for entry in log if "loss" in entry
        ]
        self.curve.validations, self.best, self._without_gain = [], None, 0
        for at, value in self._kept():
            if at <= step:
                self._count(at, value)

    def loss(self, step: int, value: float) -> None:
        """The loss of a step.

        Raises:
            TrainingError: it is no number.
        """
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss of step {step} is {value}: the training has diverged; lower "
                f"train.learning_rate ({self._recipe.train.learning_rate:g}) or set "
                f"train.precision: float32. The last checkpoint before it stays"
            )
        self.curve.losses.append((step, round(value, 5)))
        self._progress.step(step, value)

    def validate(self, step: int) -> bool:
        """Measure, keep the adapter if it is the best; whether it is time to stop."""
        validator, config = self._validator, self._recipe.validate
        if validator is None or config is None:
            return False
        if self.curve.validations and self.curve.validations[-1][0] == step:
            return False
        value = validator.measure(self.model.get_base_model(), self._device)
        self.model.train()
        better = self._count(step, value)
        if better:
            self._save_best(step)
        self._keep()
        mark = "the best so far" if better else f"best {self.best[1]:.4f}" if self.best else ""
        self._say(f"validation at step {step}: {config.metric} {value:.4f} ({mark})")
        if self.on_validation is not None:
            self.on_validation(step, value)
        return config.patience is not None and self._without_gain >= config.patience

    def _count(self, step: int, value: float) -> bool:
        """Add a validation; whether it is the best so far."""
        assert self._validator is not None
        better = self._validator.better(value, self.best[1] if self.best else None)
        self.curve.validations.append((step, round(value, 5)))
        if better:
            self.best, self._without_gain = (step, value), 0
        else:
            self._without_gain += 1
        return better

    def best_state(self) -> Path | None:
        """Directory of the best state; None where nothing was validated."""
        return None if self.best is None else self._directory / f"{_BEST}{self.best[0]}"

    def _save_best(self, step: int) -> None:
        """Keep this state, and those that a training that goes on from a checkpoint would need."""
        made = self._directory / "best.saving"
        shutil.rmtree(made, ignore_errors=True)
        self.model.save_pretrained(str(made))
        replace_directory(made, self._directory / f"{_BEST}{step}")
        oldest = min(_steps(self._directory, "checkpoint-"), default=0)
        before = [at for at in _steps(self._directory, _BEST) if at <= oldest]
        for at in sorted(before)[:-1]:
            shutil.rmtree(self._directory / f"{_BEST}{at}")

    def _keep(self) -> None:
        """Write all validations down, for a training that goes on from a checkpoint."""
        with replacing(self._directory / _VALIDATIONS) as stream:
            stream.write(json.dumps(self.curve.validations).encode())

    def _kept(self) -> list[tuple[int, float]]:
        path = self._directory / _VALIDATIONS
        if self._validator is None or not path.exists():
            return []
        return [(int(step), float(value)) for step, value in json.loads(path.read_bytes())]


def _steps(directory: Path, prefix: str) -> list[int]:
    """Steps of the directories of that name."""
    return [int(path.name.removeprefix(prefix)) for path in directory.glob(f"{prefix}[0-9]*")]
