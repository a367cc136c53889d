"""Evaluate language models with numbers that hold."""

from importlib import import_module

from llm_eval.version import __version__

# Not from typing: importing that takes half as long as starting the interpreter.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from llm_eval.evaluation import evaluate
    from llm_eval.execution import Evaluation
    from llm_eval.metrics.storage import MetricsStorage
    from llm_eval.types import Message, ModelResponse, Sample, Sampling, Score, Unscored

_HOME = {
    "Evaluation": "llm_eval.execution",
    "Message": "llm_eval.types",
    "MetricsStorage": "llm_eval.metrics.storage",
    "ModelResponse": "llm_eval.types",
    "Sample": "llm_eval.types",
    "Sampling": "llm_eval.types",
    "Score": "llm_eval.types",
    "Unscored": "llm_eval.types",
    "evaluate": "llm_eval.evaluation",
}

__all__ = (
    "Evaluation",
    "Message",
    "MetricsStorage",
    "ModelResponse",
    "Sample",
    "Sampling",
    "Score",
    "Unscored",
    "__version__",
    "evaluate",
)


def __getattr__(name: str) -> object:
    """Load a public name when it is first used: importing the package loads nothing heavy."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
