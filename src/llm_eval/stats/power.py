"""How small a difference a comparison can find, and how many samples finding one takes.

    >>> required_items(0.03, between=1 / 9)  # Miller 2024: 969 items
    969
    >>> round(detectable_mean(198, between=1 / 9, noise=(1 / 6, 1 / 6)), 4)
    0.1327

All differences are two-sided and paired: both runs answer the same items.
"""

from math import ceil, sqrt

from scipy import special


def required_items(
    delta: float,
    *,
    between: float,
    noise: tuple[float, float] = (0.0, 0.0),
    epochs: tuple[int, int] = (1, 1),
    alpha: float = 0.05,
    power: float = 0.8,
) -> int:
    """Items at which a mean difference of `delta` is found with `power` (Miller 2024, § 5).

    Args:
        delta: the true difference, in the metric's units; its sign does not matter.
        between: variance over items of the difference of conditional means (ω²), or of the
            observed differences where `noise` is left out.
        noise: variance within an item of either run (σ²): what re-running it changes.
        epochs: tries at each item in either run (K).
        alpha: two-sided error rate.
        power: chance to find the difference.

    Raises:
        ValueError: `delta` is 0 or not finite, or another argument is out of its range.
    """
    variance = _variance(between, noise, epochs)
    return ceil(_quantiles(alpha, power) ** 2 * variance / _distance(delta) ** 2 - 1e-9)


def detectable_mean(
    n: int,
    *,
    between: float,
    noise: tuple[float, float] = (0.0, 0.0),
    epochs: tuple[int, int] = (1, 1),
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """The smallest mean difference found with `power` over `n` items; see `required_items`."""
    _check_count(n)
    return _quantiles(alpha, power) * sqrt(_variance(between, noise, epochs) / n)


def variance_of_mean(n: int, *, between: float, within: float, epochs: int = 1) -> float:
    """Variance of a run's mean over `n` items tried `epochs` times each (Miller 2024, § 3.1).

    Args:
        n: number of items.
        between: variance over items of their expected score.
        within: mean variance of an item's score about its expectation.
        epochs: tries at each item; only `within` shrinks with them.
    """
    _check_count(n)
    return _variance(between, (within, 0.0), (epochs, 1)) / n


def required_pairs(
    delta: float, discordant: float, *, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Pairs at which McNemar's test finds a difference of two rates (Connor 1987).

    Args:
        delta: the true difference of the rates.
        discordant: share of pairs whose outcomes differ. No difference is larger than it, so a
            smaller share counts as |delta|: every change in one direction.
        alpha: two-sided error rate.
        power: chance to find the difference.
    """
    distance = _distance(delta)
    _check_share("discordant", discordant)
    _check_share("delta", distance)
    return ceil(_connor(distance, discordant, alpha, power) - 1e-9)


def detectable_rate(
    n: int, discordant: float, *, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The smallest difference of two rates that `n` pairs find; None where not even 1 is found."""
    _check_count(n)
    _check_share("discordant", discordant)
    if _connor(1.0, discordant, alpha, power) > n:
        return None
    low, high = 0.0, 1.0
    while high - low > 1e-9:  # the need falls as the difference grows
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _connor(middle, discordant, alpha, power) > n else (low, middle)
        )
    return high


def _connor(delta: float, discordant: float, alpha: float, power: float) -> float:
    share = max(discordant, delta)
    under_null = _upper(alpha) * sqrt(share)
    under_alternative = _target(power) * sqrt(max(share - delta * delta, 0.0))
    return (under_null + under_alternative) ** 2 / (delta * delta)


def _variance(between: float, noise: tuple[float, float], epochs: tuple[int, int]) -> float:
    if not (between >= 0 and min(noise) >= 0):
        raise ValueError(f"variances must not be negative, got {between} and {noise}")
    if min(epochs) < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    return between + noise[0] / epochs[0] + noise[1] / epochs[1]


def _quantiles(alpha: float, power: float) -> float:
    return _upper(alpha) + _target(power)


def _upper(alpha: float) -> float:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    return float(special.ndtri(1 - alpha / 2))


def _target(power: float) -> float:
    if not 0.5 <= power < 1:
        raise ValueError(f"power must be at least .5 and below 1, got {power}")
    return float(special.ndtri(power))


def _distance(delta: float) -> float:
    if not 0 < abs(delta) < float("inf"):
        raise ValueError(f"delta must be finite and not 0, got {delta}")
    return abs(delta)


def _check_share(name: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {share}")


def _check_count(n: int) -> None:
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
