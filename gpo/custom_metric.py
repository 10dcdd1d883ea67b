"""Metrics that users bring: `metric: "scoring:polite"` is the function `polite` of `scoring.py` beside the spec.

The module is looked for in the spec's folder, then among the installed packages. Loading it runs its code, with the
rights of whoever starts the run. Its file's content is part of the run's identity, so that scores of a function that
was changed since are not taken for its own; what it imports is not.
"""

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from gpo.errors import MetricError
from gpo.records import content_hash

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def _is_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must be `module:function`, as in `scoring:polite` or `my_package.scoring:polite`")
    return value


FunctionName = Annotated[str, AfterValidator(_is_name)]
"""Where a function is: `package.module:function`."""


class _Code(NamedTuple):
    name: str
    path: Path | None
    """The module's file in the spec's folder; None for an installed one."""
    source: bytes


def function_source(function: str, folder: Path | None) -> str:
    """Hash of the file that holds a function.

    Raises:
        MetricError: there is no such module, or it cannot be imported.
    """
    return content_hash(_code(function, folder).source.hex())


@lru_cache(maxsize=64)
def load_function(function: str, folder: Path | None = None, source: str = "") -> Callable[..., float]:
    """The function by its name; later calls give the same one, even when its file was changed in between.

    Args:
        function: `package.module:function`.
        folder: the spec's folder.
        source: the hash that the file must have, where one is known.

    Raises:
        MetricError: it cannot be imported, there is no such function, or its file has another hash.
    """
    code = _code(function, folder)
    if source and content_hash(code.source.hex()) != source:
        raise MetricError(f"metric function '{function}' was changed since the run began; start the run again")
    module = _module(code, folder)
    name = function.partition(":")[2]
    found = getattr(module, name, None)
    if found is None:
        known = [each for each, value in vars(module).items() if inspect.isfunction(value)]
        raise MetricError(f"module `{code.name}` has no function '{name}'; it has: {', '.join(known) or 'none'}")
    if not callable(found):
        raise MetricError(f"'{function}' is no function but {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def _code(function: str, folder: Path | None) -> _Code:
    """The module of a function: the file in the folder, else the installed one."""
    name = function.partition(":")[0]
    stem = (folder or Path()).joinpath(*name.split("."))
    if folder is not None:
        for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if path.is_file():
                return _Code(name, path, path.read_bytes())
    try:
        installed = importlib.util.find_spec(name)
    except Exception as error:  # a parent package is imported here, and may raise anything
        raise _not_imported(name, error) from error
    if installed is None:
        places = f"neither {stem}.py nor an installed package" if folder else "no installed package"
        raise MetricError(f"{places} is module `{name}`; write it there, or correct `metric`")
    origin = Path(installed.origin or "")
    return _Code(name, None, origin.read_bytes() if origin.is_file() else b"")


def _module(code: _Code, folder: Path | None) -> ModuleType:
    try:
        if code.path is None or folder is None:
            return importlib.import_module(code.name)
        return _executed(code, code.path, folder)
    except Exception as error:  # a user's module may raise anything
        raise _not_imported(str(code.path or code.name), error) from error


def _executed(code: _Code, path: Path, folder: Path) -> ModuleType:
    """A module of the spec's folder, run from its file.

    It is kept under a name of its own: one folder's `scoring` must not be taken for another's, or for an older one.
    """
    if str(folder) not in sys.path:
        # Last, so that its neighbours can be imported, and none of them hides a module of ours or of Python's.
        sys.path.append(str(folder))
    module = ModuleType(f"gpo_metric_{content_hash([str(path), code.source.hex()])}.{code.name}")
    module.__file__ = str(path)
    module.__package__ = code.name if path.name == "__init__.py" else code.name.rpartition(".")[0]
    sys.modules[module.__name__] = module
    exec(compile(code.source, str(path), "exec"), module.__dict__)  # noqa: S102 - the user's own code
    return module


def _not_imported(name: str, error: Exception) -> MetricError:
    return MetricError(f"the metric's module `{name}` cannot be imported: {type(error).__name__}: {error}")
