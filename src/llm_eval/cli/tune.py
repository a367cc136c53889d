"""`llm-eval tune`: try many training recipes, keep the adapter that evaluates best."""

import argparse

from llm_eval.cli.database import open_storage
from llm_eval.cli.table import Table
from llm_eval.cli.terminal import clean, notes, output, write_json
from llm_eval.finetune.tuning import Search, told


def execute(args: argparse.Namespace) -> int:
    """Search; 0 when a best adapter is there."""
    with open_storage(args) as storage:
        search = Search(args.config, storage=storage, say=lambda line: notes().print(clean(line)))
        best = search.run()
    if args.json:
        fields = ("value", "changes")
        found = {name: getattr(best, name) for name in fields}
        write_json({**found, "adapter": str(best.adapter), "recipe": str(best.recipe)})
        return 0
    listing = Table(">trial", "state", ">value", "&changes")
    for number, state, value, changes in best.trials:
        shown = "–" if value is None else f"{value:.4f}"
        listing.add_row(str(number), state, shown, clean(told(changes)))
    listing.print()
    output().print(clean(f"\nbest {best.value:.4f}: {best.adapter}, by {best.recipe}"))
    return 0
