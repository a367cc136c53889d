"""Replies held to a JSON Schema."""

import asyncio
from pathlib import Path

from llm_eval.errors import ProviderError
from llm_eval.types import ModelResponse, Sampling
from tests.models.hf.local_models import QUESTIONS, local, reference

SCHEMA = {
    "type": "object",
    "properties": {"name": {"enum": ["Ana", "Bo"]}, "n": {"type": "integer", "maximum": 99}},
    "required": ["name", "n"],
    "additionalProperties": False,
}


async def test_a_reply_held_to_a_schema_fits_it_and_leaves_the_others_of_its_batch_alone(
    tiny: Path,
) -> None:
    import json

    model = local(tiny)
    free, held = Sampling(max_tokens=12), Sampling(max_tokens=60, json_schema=SCHEMA)
    drawn = Sampling(max_tokens=60, json_schema=SCHEMA, temperature=1.0, seed=3)
    asked = [(QUESTIONS[0], free), (QUESTIONS[1], held), (QUESTIONS[2], drawn)]
    replies = await asyncio.gather(*(model.generate(p, s) for p, s in asked))
    await model.aclose()
    assert replies[0].text == reference(tiny, QUESTIONS[0], 12)
    for reply in replies[1:]:
        value = json.loads(reply.text)
        assert value["name"] in ("Ana", "Bo")
        assert isinstance(value["n"], int)
        assert value.keys() == {"name", "n"}
        assert reply.finish_reason == "stop"


async def test_a_schema_that_no_grammar_can_hold_to_is_named_and_spoils_no_batch(
    tiny: Path,
) -> None:
    model = local(tiny)
    bad = Sampling(max_tokens=4, json_schema={"type": "string", "format": "no-such-format"})
    good = Sampling(max_tokens=4)
    found = await asyncio.gather(
        model.generate(QUESTIONS[0], bad),
        model.generate(QUESTIONS[1], good),
        return_exceptions=True,
    )
    await model.aclose()
    assert isinstance(found[0], ProviderError)
    assert "can be held to this JSON Schema" in str(found[0])
    assert isinstance(found[1], ModelResponse)
