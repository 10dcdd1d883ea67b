"""The registry of metrics: their names, and the parameters that a spec may give them.

A metric's parameters are its keyword-only arguments. What a spec says is checked against their annotations when the
spec is read, so that a metric with options is one function and nothing else.
"""

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, NamedTuple, TypeVar, get_type_hints

import regex
from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue, ValidationError, create_model
from pydantic_core import InitErrorDetails, PydanticCustomError

from gpo.errors import MetricError, suggestion
from gpo.records import content_hash
from gpo.scoring.functions.signature import GIVEN, asks_of
from gpo.set_metrics import SetMetric

Scoring = Callable[..., Any]
"""`(answer, reference, *, parameters)` to a score in 0..1, or to `{"score": ..., "feedback": ...}`, or to a promise.

`gpo.scoring.functions.signature` has what else it may ask for.
"""


class Metric(NamedTuple):
    """A registered metric."""

    function: Scoring
    options: type[BaseModel]
    """The metric's parameters as a model that checks them."""
    needs_model: bool
    """Scored by a model (`gpo.evaluation.judge`), not by the function."""
    of_set: SetMetric | None
    """The measure of the whole set that is the score; the function says what a single example is worth."""


METRICS: dict[str, Metric] = {}
"""Every metric by the name that a spec uses."""


_Function = TypeVar("_Function", bound=Scoring)


def metric(
    name: str, *, needs_model: bool = False, of_set: SetMetric | None = None
) -> Callable[[_Function], _Function]:
    """Register a function under the name that specs use; a name that is taken raises ValueError."""

    def register(function: _Function) -> _Function:
        if name in METRICS:
            raise ValueError(f"metric '{name}' is registered twice")
        METRICS[name] = Metric(function, options_of(function), needs_model, of_set)
        return function

    return register


def options_of(function: Scoring) -> type[BaseModel]:
    """A model of the keyword-only arguments of a scoring function.

    Raises:
        TypeError: it does not take an answer and a reference, or an annotation is no type that can be checked.
    """
    asks_of(function)
    arguments = list(inspect.signature(function).parameters.values())
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        each.name: (hints.get(each.name, JsonValue), ... if each.default is each.empty else each.default)
        for each in arguments
        if each.kind is each.KEYWORD_ONLY and each.name not in GIVEN
    }
    others = any(each.kind is each.VAR_KEYWORD for each in arguments)
    return create_model("Options", __config__=ConfigDict(extra="allow" if others else "forbid", strict=True), **fields)


def check_options(name: str, options: type[BaseModel], parameters: Mapping[str, JsonValue]) -> None:
    """Check the parameters that a spec gives to a metric.

    Raises:
        pydantic.ValidationError: one is unknown, missing or of the wrong type; each problem is at the parameter's name.
    """
    try:
        options.model_validate(dict(parameters))
    except ValidationError as error:
        raise ValidationError.from_exception_data(name, list(_details(name, options, error))) from None


def _details(name: str, options: type[BaseModel], error: ValidationError) -> Iterator[InitErrorDetails]:
    for item in error.errors():
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            known = options.model_fields
            near = suggestion(str(item["loc"][0]), known) if known else "; it takes none"
            message = f"no parameter of metric `{name}`{near}"
        elif item["type"] == "missing":
            message = f"metric `{name}` needs it"
        # Passed as context, since the message itself is a template.
        yield InitErrorDetails(
            type=PydanticCustomError("metric_parameter", "{message}", {"message": message}),
            loc=item["loc"],
            input=item["input"],
        )


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
        regex.compile(pattern)
    except (re.error, regex.error) as error:
        raise ValueError(f"no regular expression: {error}") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
"""A regular expression."""

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
def load_function(function: str, folder: Path | None = None, source: str = "") -> Scoring:
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
