"""A task of people's own, declared in YAML over their own rows.

name: support_triage
version: 1
data: data/support.jsonl
messages:
  - {role: user, content: "{{ input }}"}
target: "{{ target }}"
scorers: [exact_match]
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from llm_eval.as_text import as_text
from llm_eval.datasets.load import Row, load_rows
from llm_eval.errors import ConfigError, DatasetError, EvalError
from llm_eval.fingerprint import identify
from llm_eval.registry import resolve
from llm_eval.scorers.base import Scorer
from llm_eval.scorers.json_parse import parse_json
from llm_eval.scorers.llm_judge import LLMJudge
from llm_eval.tasks import few_shot
from llm_eval.tasks.base import Task
from llm_eval.tasks.reply import final_answer, without_reasoning
from llm_eval.tasks.template import Template
from llm_eval.types import Message, ModelResponse, Prompt, Role, Sample, Sampling
from llm_eval.yaml_source import Source, decode, load_yaml

Parse = Literal["text", "answer", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSpec:
    """One message and its template."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FewShotSpec:
    """How many worked examples stand in front, and where they come from."""

    n: int
    data: str | None = None
    """Rows to choose from; default: the task's own, without the sample itself."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """The task YAML ★."""

    name: str
    data: str
    """jsonl, csv, tsv, parquet, or hf:org/name[@config]:split; relative to the YAML file."""
    messages: list[MessageSpec]
    scorers: list[Any]
    """Names, or mappings of a name and its options."""
    version: int | str = 1
    target: str | None = None
    """Template of the expected answer, a text; a row in which it is null has none."""
    target_field: str | None = None
    """Or the path of a value in the row, which keeps its type: a list is of accepted answers."""
    id: str | None = None
    slice: str | None = None
    cluster: str | None = None
    groups: dict[str, str] = field(default_factory=dict)
    sampling: dict[str, Any] = field(default_factory=dict)
    few_shot: FewShotSpec | None = None
    parse: Parse = "text"
    """text: the whole reply; answer: what follows `Answer:`; json: the JSON in it."""
    on_parse_error: Literal["zero", "exclude"] = "zero"
    json_schema: dict[str, Any] | None = None


class YAMLTask(Task):
    """The task that a YAML file declares."""

    def __init__(self, path: str | Path) -> None:
        """Read and check the file; rows are read later.

        Raises:
            ConfigError: something in it cannot be used; names file, line and remedy.
        """
        source = load_yaml(path)
        spec = decode(source, TaskSpec, what="task")
        _check(source, spec)
        self._spec = spec
        self._home = Path(path).parent
        self.name = spec.name
        self.version = spec.version
        self.on_parse_error = spec.on_parse_error
        self.scorers = tuple(_scorer(source, n, item) for n, item in enumerate(spec.scorers))
        self.sampling = Sampling()
        if spec.sampling:
            self.sampling = decode(source, Sampling, "sampling", what="task, sampling")
        self._messages = [
            (message.role, _template(source, message.content, "messages", n, "content"))
            for n, message in enumerate(spec.messages)
        ]
        self._labels = {
            name: _template(source, text, name)
            for name in ("target", "id", "slice", "cluster")
            if (text := getattr(spec, name)) is not None
        }
        self._groups = {
            name: _template(source, text, "groups", name) for name, text in spec.groups.items()
        }

    def samples(self, split: str = "test") -> Iterator[Sample]:
        """The rows of `data`; the file is the split."""
        return self._read(self._spec.data)

    def prompt(self, sample: Sample) -> Prompt:
        """Examples, if any, between the first system message and the rest."""
        asked = self._render(sample, self._spec.data)
        shots = [message for shot in self._shots(sample) for message in shot]
        head = 1 if asked and asked[0].role == "system" else 0
        return (*asked[:head], *shots, *asked[head:])

    def completion(self, sample: Sample) -> str:
        """The target as text."""
        target = sample.target
        if isinstance(target, list) and self._spec.parse != "json":
            target = target[0] if target else None
        if target is None:
            raise DatasetError(f"task {self.name!r}, sample {sample.id!r} has no target")
        return as_text(target)

    def parse(self, sample: Sample, response: ModelResponse) -> Any:
        """The reply as the YAML's `parse` says."""
        if self._spec.parse == "json":
            return parse_json(response.text)
        if self._spec.parse == "answer":
            return final_answer(response)
        return without_reasoning(response.text)

    def json_schema(self, sample: Sample) -> Mapping[str, Any] | None:
        """The YAML's `json_schema`."""
        return self._spec.json_schema

    @property
    def prompt_recipe(self) -> Mapping[str, Any]:
        """Templates and few-shot choice."""
        return {"messages": self._spec.messages, "few_shot": self._spec.few_shot}

    def _read(self, data: str) -> Iterator[Sample]:
        for row in self._rows(data):
            try:
                yield self._sample(row)
            except EvalError as exc:
                raise DatasetError(f"{row.place}: {exc}") from exc

    def _rows(self, data: str) -> Iterator[Row]:
        return load_rows(data if data.startswith("hf:") else self._home / data)

    def _sample(self, row: Row) -> Sample:
        labels = {name: template.label(row.values) for name, template in self._labels.items()}
        groups = {name: template.label(row.values) for name, template in self._groups.items()}
        target: Any = labels.get("target")
        if self._spec.target_field is not None:
            target = _field(row.values, self._spec.target_field)
        own_id = row.values.get("id")
        line = row.place.rpartition(":")[2]
        schema = self._spec.json_schema
        return identify(
            self.name,
            labels.get("id") or str(line if own_id in (None, "") else own_id),
            row.values if schema is None else {"schema": schema, **row.values},
            target,
            # A blank cell names nothing: rows without a document are not of one document.
            slice=_named(labels.get("slice")),
            cluster=_named(labels.get("cluster")),
            groups={name: own for name, label in groups.items() if (own := _named(label))},
        )

    def _render(self, sample: Sample, data: str) -> Prompt:
        """The messages of one sample, which is a row of `data`."""
        try:
            return tuple(Message(role, t.render(sample.inputs)) for role, t in self._messages)
        except DatasetError as exc:
            raise DatasetError(f"{self._place(sample, data)}: {exc}") from exc

    def _place(self, sample: Sample, data: str) -> str:
        """Where the sample's row stands: looked for when a message needs it, kept for none."""
        for row in self._rows(data):
            if row.values.items() <= sample.inputs.items():
                return row.place
        return f"sample {sample.id!r}"

    def _shots(self, sample: Sample) -> Iterator[Prompt]:
        spec = self._spec.few_shot
        if spec is None:
            return
        chosen = few_shot.choose(self._pool, sample, spec.n, task=self.name, seed=spec.seed)
        if len(chosen) < spec.n:
            raise DatasetError(
                f"task {self.name!r}: few_shot.n is {spec.n}, but besides sample {sample.id!r} "
                f"there are {len(chosen)} rows to choose from"
            )
        for shot in chosen:
            rendered = self._render(shot, spec.data or self._spec.data)
            turns = [message for message in rendered if message.role != "system"]
            yield (*turns, Message("assistant", self.completion(shot)))

    @cached_property
    def _pool(self) -> Sequence[Sample]:
        spec = self._spec.few_shot
        assert spec is not None
        # A row that stands twice is one example.
        return list({s.key: s for s in self._read(spec.data or self._spec.data)}.values())


def _check(source: Source, spec: TaskSpec) -> None:
    if (spec.target is None) == (spec.target_field is None):
        raise source.error("give either `target` or `target_field`", "target")
    if not spec.messages:
        raise source.error("messages: at least one is needed", "messages")
    if not spec.scorers:
        raise source.error("scorers: at least one is needed", "scorers")
    if spec.few_shot is not None and spec.few_shot.n < 1:
        raise source.error(f"few_shot.n must be at least 1, got {spec.few_shot.n}", "few_shot", "n")


def _scorer(source: Source, position: int, item: Any) -> Scorer:
    """A scorer from its name, or from a mapping of its name and options."""
    options = dict(item) if isinstance(item, dict) else {"name": item}
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise source.error(f"a scorer is a name or has one, got {item!r}", "scorers", position)
    try:
        kind = resolve("scorers", name)
    except ConfigError as exc:
        raise source.error(str(exc), "scorers", position) from exc
    lines = {path[2:]: n for path, n in source.lines.items() if path[:2] == ("scorers", position)}
    own = Source(source.path, options, {(): source.lines.get(("scorers", position), 1), **lines})
    made: Scorer = decode(own, kind, what=f"scorer {name}")
    return made.located(Path(source.path).parent) if isinstance(made, LLMJudge) else made


def _template(source: Source, text: str, *path: str | int) -> Template:
    try:
        return Template(text)
    except ConfigError as exc:
        raise source.error(str(exc), *path) from exc


def _named(label: str | None) -> str | None:
    return label if label and not label.isspace() else None


def _field(row: Mapping[str, Any], path: str) -> Any:
    value: Any = row
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            raise DatasetError(f"target_field {path!r}: no {step!r}; the row has: {', '.join(row)}")
        value = value[step]
    return value
