"""Arguments of `llm-eval baseline`."""

import argparse

from llm_eval.cli.arguments import options


def configure(parser: argparse.ArgumentParser) -> None:
    """Subcommands of `baseline`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    promote = actions.add_parser("promote", help="make a run the baseline of this name")
    promote.add_argument("name", metavar="NAME")
    promote.add_argument("run", metavar="RUN", help="run id, a unique beginning, `latest`, or K=V")
    promote.add_argument(
        "--by", metavar="WHO", help="default: $GITHUB_ACTOR, else git's user.email"
    )
    promote.add_argument("--note", default="", metavar="TEXT", help="why")
    promote.add_argument(
        "--with-errors", action="store_true", help="even though samples have no score"
    )
    show = actions.add_parser("show", help="a baseline and its history")
    show.add_argument("name", metavar="NAME")
    listed = actions.add_parser("list", help="every baseline")
    export = actions.add_parser("export", help="write baselines to one file, for git")
    export.add_argument("file", metavar="FILE.json")
    export.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    imported = actions.add_parser("import", help="take the baselines of a file into the database")
    imported.add_argument("file", metavar="FILE.json")
    for action in (promote, show, listed, export, imported):
        options.add_db(action)
        options.add_json(action)
