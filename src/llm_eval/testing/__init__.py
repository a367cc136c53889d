"""For people who write plugins: scripted models, the stub server, contract suites."""

from llm_eval.testing.contracts import ModelContract, ScorerContract, TaskContract
from llm_eval.testing.proxy import ChaosProxy, Wire
from llm_eval.testing.scripted import Call, ScriptedModel
from llm_eval.testing.stub_faults import Faults
from llm_eval.testing.stub_server import Exchange, StubServer

__all__ = [
    "Call",
    "ChaosProxy",
    "Exchange",
    "Faults",
    "ModelContract",
    "ScorerContract",
    "ScriptedModel",
    "StubServer",
    "TaskContract",
    "Wire",
]
