"""A task from its name: built in, from an installed package, or the path of a task YAML."""

from pathlib import Path

from llm_eval.errors import ConfigError
from llm_eval.registry import names, resolve, unknown
from llm_eval.tasks.base import Task
from llm_eval.tasks.yaml_task import YAMLTask


def build_task(name: str) -> Task:
    """The task behind `name`.

    Raises:
        ConfigError: there is none; suggests the nearest name, or says which file is missing.
    """
    if name in names("tasks"):
        task: Task = resolve("tasks", name)()
        return task
    if name.endswith((".yaml", ".yml")):
        return YAMLTask(name)
    packaged = Path("configs/tasks") / f"{name}.yaml"
    if packaged.exists():
        return YAMLTask(packaged)
    raise ConfigError(f"{unknown('task', name, names('tasks'))} (or the path of a task YAML)")
