"""`python -m llm_eval` is `llm-eval`."""

import sys

from llm_eval.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
