"""Names of what a run took besides its scores; `measures` says what each is."""

from collections.abc import Mapping

TOTALS = ("cost_usd", "prompt_tokens", "completion_tokens", "total_tokens")
QUANTILES: Mapping[str, float] = {
    "latency_p50_s": 0.50,
    "latency_p95_s": 0.95,
    "latency_p99_s": 0.99,
}
SHARES = ("error_rate", "parse_failure_rate")
MEASURES = (*TOTALS, *QUANTILES, *SHARES)
