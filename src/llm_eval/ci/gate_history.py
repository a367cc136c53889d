"""The gate held against every run of a history: when did it open, and when did it close?

>>> verdicts(storage, load_thresholds("configs/thresholds.yaml"), run_ids)
{"run_…": "pass", "run_…": "fail"}
"""

from collections.abc import Sequence

from llm_eval.ci.baseline_file import find_baseline
from llm_eval.ci.evidence import Evidence, from_storage
from llm_eval.ci.stored_gate import check_stored
from llm_eval.ci.thresholds import Thresholds
from llm_eval.errors import IncomparableError
from llm_eval.metrics.storage import MetricsStorage

NO_BASELINE, INCOMPARABLE, ITSELF = "none yet", "other data", "baseline"


def verdicts(
    storage: MetricsStorage, thresholds: Thresholds, run_ids: Sequence[str]
) -> dict[str, str]:
    """What the gate says of each run: pass, fail, incomplete, inconclusive, or why it cannot say.

    Args:
        storage: holds the runs.
        thresholds: the rules. Where they name no baseline, each run is compared with the one
            before it that measures the same.
        run_ids: the oldest first.

    Raises:
        ConfigError: a rule holds a mistake, or the baseline that is named is not there.
    """
    found: dict[str, str] = {}
    earlier: list[Evidence] = []
    for run_id in run_ids:
        current = from_storage(storage, run_id)
        found[run_id] = _verdict(storage, thresholds, current, earlier)
        earlier.append(current)
    return found


def _verdict(
    storage: MetricsStorage, thresholds: Thresholds, current: Evidence, earlier: Sequence[Evidence]
) -> str:
    baseline = _baseline(storage, thresholds, current, earlier)
    if baseline is None and any(rule.needs_baseline for rule in thresholds.rules):
        return NO_BASELINE
    if baseline is not None and baseline.info.run_id == current.info.run_id:
        return ITSELF
    try:
        return check_stored(storage, thresholds, current, baseline).status
    except IncomparableError:
        return INCOMPARABLE


def _baseline(
    storage: MetricsStorage, thresholds: Thresholds, current: Evidence, earlier: Sequence[Evidence]
) -> Evidence | None:
    """The one that the rules name; else the newest earlier run on the same rows."""
    if thresholds.baseline is None:
        rows = current.info.recipe.get("dataset_hash")
        same = [one for one in earlier if one.info.recipe.get("dataset_hash") == rows]
        return same[-1] if same else None
    file, _, name = thresholds.baseline.partition("#")
    if file.endswith(".json"):
        return find_baseline(thresholds.resolve(file), name or None, current.task).evidence
    return from_storage(storage, thresholds.baseline)
