"""Makes `python3 scripts/NAME.py` work from any Python: goes on in the repository's own .venv."""

import importlib.util
import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PYTHON = _ROOT / ".venv" / "bin" / "python"

if importlib.util.find_spec("llm_eval") is None:
    if not _PYTHON.exists() or Path(sys.prefix) == _ROOT / ".venv":
        sys.exit("llm_eval is not installed: run `make setup` first")
    os.execv(_PYTHON, [str(_PYTHON), *sys.argv])
