"""`llm-eval models`: the models that models.yaml names, and the providers a SPEC can begin with."""

import argparse
import os

from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, output, write_json
from llm_eval.config import load_models
from llm_eval.registry import names
from llm_eval.specs import ModelSpec


def execute(args: argparse.Namespace) -> int:
    """List them, and say which lack their key."""
    specs = load_models()
    if args.json:
        write_json({"models": list(specs.values()), "providers": names("providers")})
        return 0
    listing = Table("model", "provider", "~provider's name", "~endpoint", "&key")
    for spec in specs.values():
        listing.add_row(
            clean(spec.name),
            clean(spec.provider),
            clean(spec.model),
            clean(spec.base_url or "–"),
            _key(spec),
        )
    listing.print()
    output().print(f"or any provider/model: {', '.join(names('providers'))}", style="dim")
    return 0


def _key(spec: ModelSpec) -> str:
    if spec.api_key_env is not None and os.environ.get(spec.api_key_env):
        return "set"
    if spec.key_required or (spec.api_key_env is not None and spec.base_url is None):
        return f"missing: set {spec.api_key_env}"
    return "none needed"
