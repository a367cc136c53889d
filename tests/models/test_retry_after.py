"""How long a provider wants nobody to ask, in each of its forms."""

import time

import pytest

from llm_eval.models.http_errors import retry_after_s
from llm_eval.models.rate import seconds_until_reset

NOON = 1_784_030_400.0  # Tue, 14 Jul 2026 12:00:00 GMT
SECONDS = "retry-after"
MILLISECONDS = "retry-after-ms"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({SECONDS: "7"}, 7),
        ({SECONDS: "0.5"}, 0.5),
        ({SECONDS: "-3"}, 0),
        ({MILLISECONDS: "1500"}, 1.5),
        ({MILLISECONDS: "1500", SECONDS: "60"}, 1.5),
        ({MILLISECONDS: "soon", SECONDS: "60"}, 60),
        ({SECONDS: "Tue, 14 Jul 2026 12:00:30 GMT"}, 30),
        ({SECONDS: "Tue, 14 Jul 2026 11:00:00 GMT"}, 0),
        ({SECONDS: "soon"}, None),
        ({MILLISECONDS: "soon"}, None),
        ({MILLISECONDS: "nan"}, 0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOON) == seconds


@pytest.mark.parametrize("off_s", [-3600.0, 0.0, 3600.0])
@pytest.mark.parametrize("zone", [" GMT", " -0000", ""])
def test_a_moment_is_told_by_the_providers_clock_not_by_ours(off_s: float, zone: str) -> None:
    headers = {
        SECONDS: f"Tue, 14 Jul 2026 12:00:30{zone}",
        "date": f"Tue, 14 Jul 2026 12:00:00{zone}",
    }
    assert retry_after_s(headers, NOON + off_s) == 30


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Jul 2026 12:00:00 GMT"])
def test_without_a_date_our_own_clock_has_to_do(date: str) -> None:
    headers = {SECONDS: "Tue, 14 Jul 2026 12:00:30 GMT", "date": date}
    assert retry_after_s(headers, NOON) == 30


@pytest.mark.parametrize("off_s", [-3600.0, 3600.0])
def test_so_is_the_reset_of_a_rate(off_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOON + off_s)
    headers = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-07-14T12:00:30Z",
        "date": "Tue, 14 Jul 2026 12:00:00 GMT",
    }
    assert seconds_until_reset(headers) == 30
