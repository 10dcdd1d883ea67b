"""A program that is given in Python in the place of a model: a function, a chain, a graph, or a name; and its parts."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_core.runnables import Runnable
from pydantic import ValidationError

from gpo.api.prompts import GivenPrompt, read_prompt
from gpo.errors import SpecError
from gpo.files import hash_files
from gpo.progress import Note, emit
from gpo.records import content_hash
from gpo.scoring.functions.given import describe, hash_callable, is_in_a_file, name_callable
from gpo.spec.file import explain_validation
from gpo.spec.source_closure import source_closure
from gpo.spec.target import TargetSpec


def read_target(given: object, folder: Path) -> TargetSpec:
    """The section `target` of what is given: an object, `module:name`, or a dict of its options with either as `call`.

    A module that is named is looked for in `folder`, or is installed.

    Raises:
        SpecError: it is no program, or an option is wrong.
    """
    options = dict(given) if isinstance(given, Mapping) else {"call": given}
    program: Any = options.get("call")
    if not isinstance(program, str):
        if not (callable(program) or isinstance(program, Runnable)):
            raise SpecError(
                f"target: received {type(program).__name__}; give a function, a runnable of LangChain, a graph of "
                "LangGraph, or `module:name`"
            )
        options |= {"call": name_callable(program), "source": _hash_of(program)}
    try:
        spec = TargetSpec.model_validate(options)
    except ValidationError as error:
        raise SpecError(explain_validation(error, source="target")) from None
    if isinstance(program, str):
        return spec.beside(folder)
    if spec.isolate and not is_in_a_file(program):
        raise SpecError(
            f"target: `isolate` loads `{spec.call}` in another process, which cannot have an object of this one; put "
            "it into a module, or leave `isolate` out"
        )
    if not (is_in_a_file(program) or spec.target_version):
        emit(
            Note(
                f"target: answers of `{spec.call}` are kept under its own code; after a change of something that it "
                "calls, ask with fresh=True, or give a `target_version`"
            )
        )
    return spec.with_program(program)


def read_parts(prompts: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """The section `prompts` of prompts in whatever form, and what was guessed.

    Raises:
        SpecError: a prompt has no such form.
    """
    told: list[str] = []
    found: dict[str, object] = {}
    for name, given in prompts.items():
        if isinstance(given, Mapping) or (isinstance(given, str) and given.startswith("registry:")):
            found[name] = given
            continue
        read = read_prompt(given)
        found[name], said = place_part(read, name)
        told += said
    return found, told


def place_part(read: GivenPrompt, name: str) -> tuple[dict[str, Any], list[str]]:
    """A prompt of a program as a spec has it; one without variables is a system message."""
    told = [f"{name}: {each}" for each in read.told]
    if read.messages:
        return {"instruction": read.instruction, "messages": read.messages}, told
    told.append(f"{name}: it has no variables, and is a system message")
    return {"instruction": read.instruction, "messages": [{"system": "{{instruction}}"}]}, told


def _hash_of(program: Any) -> str:
    """What tells a program from others: its module with what that imports from the same place, else its own code."""
    module = sys.modules.get(getattr(program, "__module__", None) or "")
    if is_in_a_file(program) and module is not None and module.__file__ is not None:
        root = Path(module.__file__).parents[module.__name__.count(".") + (module.__file__.endswith("__init__.py"))]
        if files := source_closure(module.__name__, root):
            return hash_files(files)
    return content_hash(describe(program)) if isinstance(program, Runnable) else hash_callable(program)
