"""QLoRA and LoRA finetuning on TRL, PEFT and transformers, from a recipe to an adapter.

>>> adapter = train(load_recipe("configs/train/smollm2_json.yaml"))
>>> adapter.path, adapter.digest
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from math import ceil
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from llm_eval.errors import ConfigError, TrainingError
from llm_eval.finetune import callbacks
from llm_eval.finetune.adapter import is_disk_error, save_adapter
from llm_eval.finetune.config import Recipe
from llm_eval.finetune.plan import TrainingPlan, origin_of, prepare_training
from llm_eval.finetune.progress import Progress, peak_memory_bytes
from llm_eval.finetune.ranks import is_first, wait_for_all, whole_weights
from llm_eval.finetune.setup import Setup, load_base
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.adapter_files import WEIGHTS, AdapterFiles, read_adapter
from llm_eval.models.cores import free_cores
from llm_eval.models.hf.base import forget_unused
from llm_eval.models.hf.fit import load_adapter
from llm_eval.models.hf.libraries import (
    in_one_line,
    libraries,
    library,
    ran_out_of_memory,
    versions,
)
from llm_eval.recipe import code_version

Say = Callable[[str], None]
_ORIGIN = "origin.json"


def finished(plan: TrainingPlan) -> AdapterFiles | None:
    """The adapter that this very plan made before; None where there is none.

    Raises:
        ConfigError: something else lies where it would go; says what differs.
    """
    output = plan.recipe.output_directory
    if not output.exists():
        return None
    found = read_adapter(output)
    before = origin_of(found)
    if changed := [name for name, digest in plan.origin.items() if before[name] != digest]:
        raise ConfigError(
            f"{output} holds an adapter of another training (other {', other '.join(changed)}); "
            f"name another output, or overwrite it with --restart"
        )
    return found


def train(
    recipe: Recipe,
    *,
    storage: MetricsStorage | None = None,
    say: Say = lambda _: None,
    restart: bool = False,
) -> AdapterFiles:
    """Train what `recipe` describes; goes on where an earlier try of it was stopped.

    Args:
        recipe: from `load_recipe`.
        storage: where the lineage is recorded; None: in the adapter's manifest alone.
        say: told of the progress, a line at a time.
        restart: throw away what an earlier try left.

    Raises:
        ConfigError, DatasetError: see `prepare_training`.
        TrainingError: it diverged, or cannot be saved.
    """
    plan = prepare_training(recipe)
    done = None if restart else finished(plan)
    if done is not None:
        say(f"{recipe.output} was trained by this recipe before")
    adapter = done or run(plan, say=say, restart=restart)
    if storage is not None and is_first():
        record(adapter, storage)
    return adapter


def record(adapter: AdapterFiles, storage: MetricsStorage) -> None:
    """Store the lineage that an adapter's manifest tells."""
    manifest = adapter.manifest or {}
    storage.lineage.record(
        adapter.digest,
        name=adapter.path.name,
        base=manifest.get("base") or {},
        training=manifest.get("lineage") or {},
    )


def run(
    plan: TrainingPlan,
    *,
    say: Say = lambda _: None,
    restart: bool = False,
    on_validation: Callable[[int, float], None] | None = None,
) -> AdapterFiles:
    """Train a plan; see `train`.

    Args:
        plan: from `prepare_training`.
        say: told of the progress, a line at a time.
        restart: throw away what an earlier try left.
        on_validation: told step and value of each validation; what it raises ends the training.
    """
    if not is_first():
        say = _silent
    say(f"training on {plan.setup.describe()}: {plan.data.describe()}, {plan.n_steps} steps")
    for line in plan.remarks:
        say(line)
    forget_unused()
    plan.check_memory()
    if is_first():
        _open_work(plan, restart=restart)
    progress = Progress(plan.n_steps, plan.data.n_tokens / plan.steps_an_epoch, say)
    watch = callbacks.Watch(
        plan.recipe, plan.validator, progress, plan.work, plan.setup.device, say
    )
    watch.on_validation = on_validation
    started = monotonic()
    with told(plan):
        trainer = _trainer(plan, watch)
    watch.model = trainer.model
    wait_for_all()
    latest = last_checkpoint(plan.work)
    if latest is not None:
        say(f"goes on from {latest.name}")
        state = json.loads((latest / "trainer_state.json").read_bytes())
        watch.restore(state["global_step"], state["log_history"])
    with told(plan):
        trainer.train(resume_from_checkpoint=None if latest is None else str(latest))
    weights = whole_weights(trainer)
    if is_first():
        _save(plan, trainer.model, weights, watch, monotonic() - started)
    wait_for_all()
    adapter = read_adapter(plan.recipe.output_directory)
    if is_first():
        shutil.rmtree(plan.work, ignore_errors=True)
    say(f"adapter {adapter.digest[:12]} is in {adapter.path}")
    return adapter


@contextmanager
def told(plan: TrainingPlan) -> Iterator[None]:
    """What ends a training from outside, as one line with the remedy.

    Raises:
        TrainingError: the disk is full, or the memory did not suffice after all.
    """
    try:
        yield
    except Exception as exc:
        if ran_out_of_memory(exc):
            raise TrainingError(
                f"{plan.setup.device} ran out of memory; {plan.memory.n_bytes / 1e9:.1f} GB were "
                f"expected. Lower train.batch or data.max_tokens and start it again"
            ) from exc
        if not is_disk_error(exc):
            raise
        raise TrainingError(
            f"{plan.work} cannot be written: {in_one_line(exc)}; free some space and start it "
            f"again: it goes on from its last checkpoint"
        ) from exc


def _silent(_line: str) -> None:
    """For all processes but the first."""


def last_checkpoint(work: Path) -> Path | None:
    """The newest checkpoint that is whole; one that was cut off while it was saved is not."""
    found = sorted(work.glob("checkpoint-*"), key=lambda p: -int(p.name.rpartition("-")[2]))
    for path in found:
        try:
            read_adapter(path)
            json.loads((path / "trainer_state.json").read_bytes())
        except (ConfigError, OSError, ValueError):
            continue
        optimizer = any((path / f"optimizer.{end}").exists() for end in ("pt", "bin"))  # bin: FSDP
        if optimizer and (path / "scheduler.pt").exists():
            return path
    return None


def _open_work(plan: TrainingPlan, *, restart: bool) -> None:
    """A directory for checkpoints of this recipe on these rows, and of no other."""
    if restart:
        shutil.rmtree(plan.work, ignore_errors=True)
    try:
        if plan.work.exists() and json.loads((plan.work / _ORIGIN).read_bytes()) != plan.origin:
            raise ConfigError(
                f"{plan.work} holds checkpoints of another recipe; finish that one, or throw them "
                f"away with --restart"
            )
        plan.work.mkdir(parents=True, exist_ok=True)
        (plan.work / _ORIGIN).write_text(json.dumps(plan.origin))
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{plan.work} cannot be used: {exc}; try --restart") from exc


def _trainer(plan: TrainingPlan, watch: callbacks.Watch) -> Any:
    torch, transformers = libraries()
    trl, peft, datasets = (library(name, "train") for name in ("trl", "peft", "datasets"))
    datasets.disable_progress_bars()
    if plan.setup.device == "cpu":
        torch.set_num_threads(free_cores())
    transformers.set_seed(plan.recipe.seed)
    model = load_base(str(plan.path), plan.setup)
    if plan.parent is not None:
        model = load_adapter(peft, model, plan.parent, plan.base["name"], trainable=True)
    trainer = trl.SFTTrainer(
        model=model,
        args=_arguments(plan, trl),
        train_dataset=_rows(plan, datasets),
        processing_class=plan.tokenizer,
        peft_config=None if plan.parent is not None else _lora(plan, peft),
        callbacks=[callbacks.trainer_callback(watch)],
    )
    trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
    return trainer


def _rows(plan: TrainingPlan, datasets: Any) -> Any:
    """The examples as the trainer takes them: the prompt's tokens are read and not learnt."""
    examples = plan.data.examples
    columns = {
        "input_ids": [[*e.prompt, *e.completion] for e in examples],
        "labels": [[*[-100] * len(e.prompt), *e.completion] for e in examples],
    }
    # Under the hash that we know; its own comes from pickling pyarrow, which not every pair of
    # releases can do.
    table = datasets.table.InMemoryTable.from_pydict(columns)
    return datasets.Dataset(table, fingerprint=plan.data.dataset_hash[:32])


def _lora(plan: TrainingPlan, peft: Any) -> Any:
    config = plan.recipe.lora
    targets = config.targets if isinstance(config.targets, str) else list(config.targets)
    return peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def _arguments(plan: TrainingPlan, trl: Any) -> Any:
    config, setup = plan.recipe.train, plan.setup
    return trl.SFTConfig(
        output_dir=str(plan.work),
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        per_device_train_batch_size=config.batch,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.scheduler,
        warmup_steps=ceil(config.warmup * plan.n_steps),
        weight_decay=config.weight_decay,
        max_grad_norm=config.clip,
        optim=setup.optimizer,
        bf16=setup.bfloat16,
        fp16=False,
        use_cpu=setup.device == "cpu",
        seed=plan.recipe.seed,
        data_seed=plan.recipe.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        save_steps=config.save_every,
        save_total_limit=2,
        report_to=list(plan.recipe.report_to) or "none",
        disable_tqdm=True,
        packing=plan.recipe.data.packing,
        dataset_kwargs=None if plan.recipe.data.packing else {"skip_prepare_dataset": True},
        max_length=plan.recipe.data.max_tokens if plan.recipe.data.packing else None,
        dataloader_pin_memory=setup.device != "cpu",
        **_checkpointing(trl, setup),
    )


def _checkpointing(trl: Any, setup: Setup) -> dict[str, Any]:
    """Under its name of today: transformers 5.20 calls it activation checkpointing."""
    known = {field.name for field in fields(trl.SFTConfig)}
    name = "activation" if "activation_checkpointing" in known else "gradient"
    given: dict[str, Any] = {f"{name}_checkpointing": setup.gradient_checkpointing}
    if setup.gradient_checkpointing and name == "gradient":
        given["gradient_checkpointing_kwargs"] = {"use_reentrant": False}
    return given


def _save(
    plan: TrainingPlan, model: Any, weights: Any, watch: callbacks.Watch, seconds: float
) -> AdapterFiles:
    if (best := watch.best_state()) is not None:
        peft, safetensors = library("peft"), library("safetensors.torch")
        weights = safetensors.load_file(str(best / WEIGHTS))
        peft.set_peft_model_state_dict(model, weights)
    return save_adapter(
        model,
        plan.tokenizer,
        weights,
        plan.recipe.output_directory,
        base=plan.base,
        lineage=_lineage(plan, watch, seconds),
    )


def _lineage(plan: TrainingPlan, watch: callbacks.Watch, seconds: float) -> dict[str, Any]:
    """All that made this adapter."""
    return {
        "recipe": msgspec.to_builtins(plan.recipe),
        "recipe_digest": plan.recipe.digest,
        "task": plan.task.name,
        "task_version": plan.task.version,
        "prompt_hash": plan.task.prompt_hash,
        "dataset_hash": plan.data.dataset_hash,
        "data": plan.data.describe(),
        "parent": None if plan.parent is None else plan.parent.digest,
        "seed": plan.recipe.seed,
        "setup": plan.setup.describe(),
        "code": code_version(),
        "libraries": {**versions(), **_training_versions()},
        "steps": watch.curve.losses[-1][0] if watch.curve.losses else 0,
        "best": list(watch.best) if watch.best else None,
        "curve": watch.curve.to_dict(),
        "seconds": round(seconds, 1),
        "peak_memory_bytes": peak_memory_bytes(),
        "expected_memory_bytes": round(plan.memory.n_bytes),
    }


def _training_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("trl", "peft")}
