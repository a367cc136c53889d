"""How long a provider wants nobody to ask, in each of its forms."""

import pytest

from llm_eval.models.http_errors import retry_after_s

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
