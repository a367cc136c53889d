"""For people who write plugins: scripted models, the stub server, contract suites."""

from llm_eval.testing.scripted import Call, ScriptedModel

__all__ = ["Call", "ScriptedModel"]
