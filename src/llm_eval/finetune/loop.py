"""Evaluate → train → evaluate → compare → gate: did it help, by how much, what did it break?

>>> loop = Loop(load_loop("configs/loops/json_smollm2.yaml"), storage)
>>> loop.run().status
'pass'

Every stage leaves its mark where the work itself is kept – runs in the database, the adapter in
its directory – so a loop that was stopped goes on where it stood, and one that is run again
repeats nothing whose recipe is the same.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from llm_eval.ci.evidence import from_storage
from llm_eval.ci.gate_report import EXIT_CODES, GateReport
from llm_eval.ci.rules import Rule
from llm_eval.ci.stored_gate import check_stored
from llm_eval.ci.thresholds import Thresholds, load_thresholds
from llm_eval.compare.comparison import Comparison, compare_runs
from llm_eval.compare.report import Report, build_report
from llm_eval.errors import ConfigError
from llm_eval.evaluation import Plan, Request, prepare
from llm_eval.event_loop import in_own_loop
from llm_eval.execution import Evaluation, execute_plan
from llm_eval.finetune.config import Recipe, load_recipe
from llm_eval.finetune.loop_config import LoopConfig, Measurement
from llm_eval.finetune.qlora_trainer import train
from llm_eval.metrics.storage import MetricsStorage
from llm_eval.models.adapter_files import AdapterFiles
from llm_eval.recipe import differences
from llm_eval.types import RunInfo

Evaluate = Callable[[Plan, RunInfo | None], Evaluation]
"""Runs a plan, or goes on with the run that is given."""
Say = Callable[[str], None]


class LoopStoppedError(Exception):
    """An evaluation was interrupted; the loop goes on when it is started again."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One task before and after, compared and gated."""

    measurement: Measurement
    base: RunInfo
    tuned: RunInfo
    report: Report
    gate: GateReport

    @property
    def comparison(self) -> Comparison:
        """The tuned run against the base's."""
        return self.report.compared[0].comparison


@dataclass(frozen=True, slots=True)
class LoopResult:
    """What a whole loop found."""

    config: LoopConfig
    recipe: Recipe
    adapter: AdapterFiles
    measured: tuple[Measured, ...]

    @property
    def gates(self) -> Iterator[GateReport]:
        """The gate of each task."""
        return (one.gate for one in self.measured)

    @property
    def status(self) -> str:
        """The worst of the gates: fail, incomplete, inconclusive or pass."""
        found = {gate.status for gate in self.gates}
        return next(s for s in ("fail", "incomplete", "inconclusive", "pass") if s in found)

    @property
    def exit_code(self) -> int:
        """★ As `llm-eval gate`: 0 unless a gate stops, then the worst status' code."""
        stopping = [gate.status for gate in self.gates if gate.exit_code]
        order = ("fail", "incomplete", "inconclusive")
        return next((EXIT_CODES[status] for status in order if status in stopping), 0)


class Loop:
    """One loop's stages. Everything that can be refused is refused before the first call."""

    def __init__(
        self,
        config: LoopConfig,
        storage: MetricsStorage,
        *,
        evaluate: Evaluate | None = None,
        say: Say = lambda _: None,
    ) -> None:
        """Read recipe and thresholds.

        Args:
            config: from `load_loop`.
            storage: where the runs are and go.
            evaluate: how a plan is run; the command line shows progress and takes signals.
            say: told of each stage, a line at a time.

        Raises:
            ConfigError: recipe or thresholds hold a mistake.
        """
        self.config = config
        self.recipe = load_recipe(config.resolve(config.recipe))
        self.thresholds = load_thresholds(config.resolve(config.thresholds))
        self._storage = storage
        self._evaluate = evaluate or self._quietly
        self._say = say

    def plans(self) -> list[Plan]:
        """The evaluations of the base model, built and checked; nothing is spent.

        Raises:
            ConfigError: a task or the base model cannot be used.
        """
        return [self._plan(one, self._model()) for one in self.config.evaluate]

    def run(self) -> LoopResult:
        """All stages.

        Raises:
            EvalError: a stage could not do its work; what was done is kept.
            LoopStoppedError: an evaluation was interrupted.
        """
        self.plans()
        base = [self._measure("base", one, self._model()) for one in self.config.evaluate]
        adapter = self._train()
        model = self._model(adapter.path)
        tuned = [self._measure("tuned", one, model) for one in self.config.evaluate]
        measured = tuple(
            self._judge(*three) for three in zip(self.config.evaluate, base, tuned, strict=True)
        )
        return LoopResult(self.config, self.recipe, adapter, measured)

    def _train(self) -> AdapterFiles:
        self._say(f"train: {self.recipe.base} on {self.recipe.task}")
        return train(self.recipe, storage=self._storage, say=self._say)

    def _model(self, adapter: Path | None = None) -> str:
        base = f"hf/{self.recipe.base}"
        return base if adapter is None else f"{base}:{adapter}"

    def _plan(self, one: Measurement, model: str, stage: str = "base") -> Plan:
        request = Request(
            task=one.task,
            model=model,
            split=one.split,
            limit=one.limit,
            max_tokens=one.max_tokens,
            seed=self.config.seed,
            tags={"loop": self.config.name, "stage": stage},
        )
        plan = prepare(request, self._storage)
        if not rules_about(self.thresholds, plan.task.name):
            raise ConfigError(
                f"{self.thresholds.path}: no rule is about the task {plan.task.name!r}, which the "
                f"loop evaluates; write one, such as {plan.task.name}.METRIC: '>= baseline - 0.05'"
            )
        return plan

    def _measure(self, stage: str, one: Measurement, model: str) -> RunInfo:
        """The stage's run of one task: found, gone on with, or made."""
        plan = self._plan(one, model, stage)
        earlier = self._earlier(plan)
        if earlier is not None and earlier.status == "complete":
            self._say(f"{stage}: {plan.task.name} was evaluated before ({earlier.run_id})")
            return earlier
        how = "goes on" if earlier else "is evaluated"
        self._say(f"{stage}: {plan.task.name} {how} on {model}, {plan.dataset.n} samples")
        evaluation = self._evaluate(plan, earlier)
        if evaluation.status == "interrupted":
            raise LoopStoppedError(evaluation.run_id)
        return self._storage.get_run(evaluation.run_id)

    def _earlier(self, plan: Plan) -> RunInfo | None:
        """The newest run of this very stage with this very recipe."""
        wanted = plan.recipe
        for info in self._storage.list_runs(limit=None, tag=("loop", self.config.name)):
            same = info.tags.get("stage") == plan.request.tags["stage"]
            if same and not any(differences(info.recipe, wanted)):
                return info
        return None

    def _quietly(self, plan: Plan, resume: RunInfo | None) -> Evaluation:
        return in_own_loop(lambda: execute_plan(plan, self._storage, resume=resume))

    def _judge(self, one: Measurement, base: RunInfo, tuned: RunInfo) -> Measured:
        comparisons = compare_runs(self._storage, base, [tuned])
        current, baseline = (from_storage(self._storage, run.run_id) for run in (tuned, base))
        gate = check_stored(self._storage, self.thresholds, current, baseline)
        return Measured(one, base, tuned, build_report(self._storage, comparisons), gate)


def rules_about(thresholds: Thresholds, task: str) -> list[Rule]:
    """The rules that name `task`, by their `task` or by their metric's prefix."""
    prefix = f"{task}."
    return [
        rule
        for rule in thresholds.rules
        if rule.task == task or str(getattr(rule, "metric", None) or "").startswith(prefix)
    ]
