"""The number that people would have given to all judged replies, from the labels of some.

Labels drawn at random: PPI++ over all replies. Labels drawn by the judge's verdict (`--next`):
PPI++ within each verdict, put together by how many replies have it, which stays unbiased however
many labels each verdict got.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from llm_eval.stats.correction import Corrected, prediction_powered, rogan_gladen

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """Numbers of judge and people."""

    labels: Floats
    """People's values of n replies."""
    judged: Floats
    """The judge's values of the same."""
    judged_only: Floats
    """The judge's values of all other replies."""
    strata: NDArray[np.bool_] | None = None
    """The judge's verdicts by which labels were drawn; None: drawn at random."""
    strata_only: NDArray[np.bool_] | None = None

    @property
    def n(self) -> int:
        """All judged replies."""
        return len(self.judged) + len(self.judged_only)

    @property
    def raw(self) -> float:
        """What the judge says without correction."""
        return float(np.concatenate([self.judged, self.judged_only]).mean())


def corrected_mean(given: Judged) -> dict[str, Any]:
    """Corrected mean with its interval within 0…1, and the labels that would halve it."""
    found = correct(given)
    needed = labels_to_halve(given, found)
    return {
        "raw": given.raw,
        "labels_alone": float(given.labels.mean()),
        "value": found.value,
        "ci95": [max(0.0, found.low), min(1.0, found.high)],
        "stderr": found.stderr,
        "method": "PPI++" if given.strata is None else "PPI++ by verdict",
        "weight": found.weight,
        "worth_of_a_label": found.gain,
        "labels_to_halve": needed,
    }


def correct(given: Judged) -> Corrected:
    """PPI++, over all or by verdict."""
    if given.strata is None:
        return _at_random(given)
    parts = list(_parts(given))
    if any(len(part.labels) < 2 for part, _ in parts):  # a verdict without labels has no estimate
        return _at_random(given)
    found = [(correct(part), share) for part, share in parts]
    value = sum(share * one.value for one, share in found)
    variances = [
        (share * _cautious(part, one.weight)) ** 2
        for (part, share), (one, _) in zip(parts, found, strict=True)
    ]
    stderr = sqrt(sum(variances))
    # Student's t with Satterthwaite's degrees of freedom: a verdict may have few labels.
    freedom = sum(
        v**2 / (len(part.labels) - 1) for v, (part, _) in zip(variances, parts, strict=True)
    )
    half = stderr * float(special.stdtrit(sum(variances) ** 2 / freedom, 0.975))
    alone = float(np.var(given.labels)) / len(given.labels)
    weight = sum(share * one.weight for one, share in found)
    gain = alone / stderr**2 if stderr > 0 else 1.0
    return Corrected(value, stderr, value - half, value + half, weight, gain)


def _at_random(given: Judged) -> Corrected:
    """PPI++; where all labels say the same of the judge, no interval without a width."""
    found = prediction_powered(given.labels, given.judged, given.judged_only)
    if np.ptp(given.labels - found.weight * given.judged) > 1e-9:
        return found
    stderr = _cautious(given, found.weight)
    half = stderr * float(special.stdtrit(len(given.labels) - 1, 0.975))
    return found._replace(stderr=stderr, low=found.value - half, high=found.value + half)


def corrected_rate(passes: Judged) -> dict[str, Any] | None:
    """Rogan–Gladen of a pass rate; None where labels do not tell both kinds of error."""
    right = passes.labels == 1
    if not right.any() or right.all():
        return None
    said = passes.judged == 1
    everything = int(passes.judged.sum() + passes.judged_only.sum())
    try:
        rate = rogan_gladen(
            (everything, passes.n),
            specificity=(int(np.sum(~said & ~right)), int(np.sum(~right))),
            sensitivity=(int(np.sum(said & right)), int(np.sum(right))),
        )
    except ValueError as exc:
        return {"value": None, "ci95": [None, None], "reason": str(exc)}
    return {"value": rate.value, "ci95": [rate.low, rate.high], "reason": None}


def labels_to_halve(given: Judged, found: Corrected) -> int | None:
    """Labels in all that would halve the interval; None where these replies do not hold so many.

    With n labels the variance is a/n + b/N: the doubt about the judge's error, and about its mean.
    """
    n = len(given.labels)
    of_judge = 0.0
    if len(given.judged_only):
        of_judge = found.weight**2 * float(np.var(given.judged_only)) / len(given.judged_only)
    of_labels = (found.stderr**2 - of_judge) * n
    target = found.stderr**2 / 4
    if of_labels <= 0 or target <= 0:
        return None
    alone = float(np.var(given.labels)) / target
    needed = of_labels / (target - of_judge) if target > of_judge else alone
    best = int(np.ceil(min(needed, alone))) if alone > 0 else int(np.ceil(needed))
    return best if best <= given.n else None


def _cautious(part: Judged, weight: float) -> float:
    """Standard error of few labels, all alike, as there may be under one verdict.

    Two more labels, 0 and 1, stand in for what was not drawn (Agresti & Coull 1998).
    """
    error = part.labels - weight * part.judged
    base = -weight * float(part.judged.mean())
    variance = float(np.var(np.concatenate([error, [base, base + 1]]))) / len(part.labels)
    if len(part.judged_only):
        variance += weight**2 * float(np.var(part.judged_only)) / len(part.judged_only)
    return sqrt(variance)


def _parts(given: Judged) -> Iterator[tuple[Judged, float]]:
    assert given.strata is not None
    assert given.strata_only is not None
    for verdict in (False, True):
        own, others = given.strata == verdict, given.strata_only == verdict
        share = float(own.sum() + others.sum()) / given.n
        if share > 0:
            part = Judged(given.labels[own], given.judged[own], given.judged_only[others])
            yield part, share
