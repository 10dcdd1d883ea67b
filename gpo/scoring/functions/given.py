"""Functions and objects that are given in Python, where a spec would name one: their names, and what tells them apart.

A function is known by its code. What it calls is not looked at: two functions with one text are taken for one.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

from pydantic import BaseModel, SecretStr

from gpo.records import content_hash

_PLAIN = (str, int, float, bool, type(None))


def name_callable(function: Callable[..., Any]) -> str:
    """`module:name`, as a spec writes it; what has no name of its own is called after its type.

    >>> name_callable(len)
    'builtins:len'
    """
    if isinstance(function, functools.partial):
        return name_callable(function.func)
    name = getattr(function, "__name__", type(function).__name__)
    module = getattr(function, "__module__", None) or type(function).__module__
    return f"{module}:{name if name.isidentifier() else 'function'}"


def hash_callable(function: Callable[..., Any]) -> str:
    """What tells a function from others: the content of its module's file, else its own source and what it holds.

    The file counts where the function can be imported from it by its name; so a spec that names it means the same.
    """
    path = _file_of(function)
    return content_hash(path.read_bytes().hex() if path else describe(function))


def is_in_a_file(function: Callable[..., Any]) -> bool:
    """Whether the function can be imported by its name: then a change of anything in its file is noticed."""
    return _file_of(function) is not None


def describe(value: object) -> object:
    """A value as JSON that differs where values do, as far as that can be seen; secrets are left out.

    >>> describe({"b": [1, SecretStr("key")], "a": None})
    {'a': None, 'b': [1, 'secret']}
    """
    match value:
        case str() | int() | float() | None:
            return value
        case Mapping():
            return {str(name): describe(value[name]) for name in sorted(value, key=str)}
        case list() | tuple():
            return [describe(each) for each in value]
        case BaseModel():
            return [_type_of(value), {name: describe(each) for name, each in value}]
        case _:
            return "secret" if isinstance(value, SecretStr) else _describe_code(value)


def _describe_code(value: object) -> object:
    if isinstance(value, functools.partial):
        return [describe(value.func), describe(value.args), describe(value.keywords)]
    if isinstance(value, CodeType):
        return [value.co_code.hex(), list(value.co_names), [describe(each) for each in value.co_consts]]
    # Of other objects, as of clients and iterators, only what they are.
    return _describe_function(value) if inspect.isroutine(value) else _type_of(value)


def _describe_function(function: Any) -> object:
    held = inspect.getclosurevars(function).nonlocals if inspect.isfunction(function) else {}
    held = {name: value if isinstance(value, _PLAIN) else _type_of(value) for name, value in held.items()}
    try:
        source: object = inspect.getsource(function)
    except (OSError, TypeError):
        source = describe(getattr(function, "__code__", None)) or getattr(function, "__qualname__", "")
    return [source, held, describe(getattr(function, "__defaults__", None) or ())]


def _type_of(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _file_of(function: Callable[..., Any]) -> Path | None:
    name, module = getattr(function, "__name__", ""), sys.modules.get(getattr(function, "__module__", None) or "")
    if module is None or module.__name__ == "__main__" or getattr(module, name, None) is not function:
        return None
    path = Path(getattr(module, "__file__", None) or "")
    return path if path.is_file() else None
