"""Lets `src.llm_eval…` be imported from the repository root, as the same modules as `llm_eval…`."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

_ALIAS = f"{__name__}.llm_eval"


class _Loader(importlib.abc.Loader):
    """Gives the module that `llm_eval…` already is, never a second copy of its classes."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return importlib.import_module(spec.name.removeprefix(f"{__name__}."))

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it ran under its own name."""


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == _ALIAS or fullname.startswith(f"{_ALIAS}."):
            return importlib.machinery.ModuleSpec(fullname, _Loader(), is_package=True)
        return None


if importlib.util.find_spec("llm_eval") is None:
    sys.path.insert(0, str(Path(__file__).parent))
sys.meta_path.insert(0, _Finder())
