"""Loads the program that a spec names, and finds out how it wants its inputs."""

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from threading import Lock
from typing import Any, NamedTuple

from langchain_core.runnables import Runnable

from gpo.errors import SpecError
from gpo.formatting import error_line
from gpo.scoring.functions.printing import printing_to_stderr
from gpo.spec.target import TargetSpec

_BOUND = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Program(NamedTuple):
    """What is called: with a mapping of the inputs, or with an argument for each of the names in `by_name`."""

    run: Any
    by_name: tuple[str, ...] | None

    @property
    def is_runnable(self) -> bool:
        """Whether it is one of LangChain's, as chains and graphs are."""
        return isinstance(self.run, Runnable)


def load_program(spec: TargetSpec, inputs: Sequence[str]) -> Program:
    """The program of a spec, for examples that have these inputs.

    A runnable takes the mapping of all inputs. A function takes them by name where its parameters have their names,
    or as one mapping where it has a single parameter of another name.

    Raises:
        SpecError: it cannot be imported, is nothing that can be called, or takes other inputs.
    """
    found = _object(spec)
    if isinstance(found, Runnable):
        return Program(found, None)
    if not callable(found):
        raise SpecError(
            f"`target`: '{spec.call}' is {type(found).__name__}; it must be a function, a LangChain runnable or a "
            "LangGraph graph that is compiled"
        )
    return Program(found, _by_name(found, spec.call, tuple(inputs)))


def _by_name(function: Callable[..., Any], call: str, inputs: tuple[str, ...]) -> tuple[str, ...] | None:
    parameters = list(inspect.signature(function).parameters.values())
    bound = [each.name for each in parameters if each.kind in _BOUND]
    needed = [each.name for each in parameters if each.default is each.empty and each.kind not in _VARIABLE]
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters)
    if set(needed) <= set(inputs) and (needed or takes_any or set(bound) & set(inputs)):
        return inputs if takes_any else tuple(name for name in bound if name in inputs)
    if len(needed) == 1 or (not needed and len(parameters) == 1):
        return None
    taken = ", ".join(each.name for each in parameters) or "nothing"
    raise SpecError(
        f"`target`: '{call}' takes {taken}, and `dataset.input` has {', '.join(inputs)}: give its parameters the names "
        "of the inputs, or one parameter that takes a mapping of all"
    )


_loaded: dict[str, str] = {}
"""The version of each module that was imported from a folder, by its name."""
_folders: list[str] = []
"""The folders of programs, which stand last on the path: the one that was used last before the others."""
_loading = Lock()


def _object(spec: TargetSpec) -> Any:
    if spec.program is not None:
        return spec.program
    try:
        with _loading, printing_to_stderr():
            module = _module(spec)
    except Exception as error:  # a user's module may raise anything
        raise SpecError(
            f"`target`: module `{spec.module}` cannot be imported: {type(error).__name__}: {error_line(error)}"
        ) from error
    names = spec.call.partition(":")[2].split(".")
    try:
        return reduce(getattr, names, module)
    except AttributeError:
        known = ", ".join(name for name, value in vars(module).items() if callable(value) and name[0] != "_")
        raise SpecError(f"`target`: module `{spec.module}` has no `{'.'.join(names)}`; it has: {known}") from None


def _module(spec: TargetSpec) -> Any:
    """The module, imported as an application would; what was imported of another folder, or changed since, is not it.

    While it is imported, its folder is the first on the path, as it is where an application is started. Afterwards it
    stays behind all others, for what the program imports late: no module of it then hides one of Python's or of ours.
    """
    files = spec.files()
    if not files or spec.folder is None:
        return importlib.import_module(spec.module)
    folder = str(spec.folder)
    if folder in _folders:
        _folders.remove(folder)
        sys.path.remove(folder)
    sys.path.insert(0, folder)
    try:
        for name, path in files.items():
            module = sys.modules.get(name)
            is_other = module is not None and getattr(module, "__file__", None) != str(path)
            if is_other or _loaded.get(spec.module, spec.source) != spec.source:
                sys.modules.pop(name, None)
        importlib.invalidate_caches()
        _loaded[spec.module] = spec.source
        return importlib.import_module(spec.module)
    finally:
        sys.path.remove(folder)
        sys.path.insert(len(sys.path) - len(_folders), folder)
        _folders.append(folder)
