"""Several tries at one problem: chance that one of k is right, and that all of k are."""

from math import comb, prod


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased chance that at least one of k tries is right, from c right of n (Chen 2021).

    Raises:
        ValueError: k > n: it cannot be estimated without more tries.
    """
    _check(n, c, k)
    if n - c < k:
        return 1.0
    return 1.0 - prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def pass_hat_k(n: int, c: int, k: int) -> float:
    """Unbiased chance that all of k tries are right, from c right of n (τ-bench, Yao 2024)."""
    _check(n, c, k)
    return comb(c, k) / comb(n, k)


def _check(n: int, c: int, k: int) -> None:
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"need 0 ≤ c ≤ n and 1 ≤ k ≤ n, got n={n}, c={c}, k={k}")
