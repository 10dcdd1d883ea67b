"""The section `target` of a spec: the program that turns the inputs of an example into an answer."""

import importlib.util
import re
from pathlib import Path
from typing import Any, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from gpo.errors import SpecError
from gpo.files import hash_files, real_path
from gpo.records import Record
from gpo.spec.source_closure import source_closure

_CALL = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


class TargetSpec(Record):
    """The program whose prompts are improved. A bare `module:name` is short for `{call: ...}`."""

    call: str = Field(
        description="`module:name` of a function, sync or async, of a LangChain runnable, or of a LangGraph graph. The "
        "module lies beside the spec, or is installed."
    )
    output: str | None = Field(
        default=None,
        description="Where the answer is, if the program returns a mapping: its key. Of a mapping with `messages`, as "
        "graphs return it, it is the last message unless a key is named.",
    )
    target_version: str = Field(
        default="",
        description="The version of the program. By default it is a hash of its module and of all that this imports "
        "from the same place. Another version, and every example is run anew.",
    )
    cache: bool = Field(
        default=True,
        description="Whether an answer is kept, and taken again for the same inputs and prompts. `false` for a program "
        "with side effects: then a run that is resumed runs the examples of an unfinished step again.",
    )
    ledger: bool = Field(
        default=False,
        description="Whether LangChain's models inside of it are answered from the ledger, where the same model was "
        "asked the same before, by this program or another version of it.",
    )
    calls: int | None = Field(
        default=None,
        ge=1,
        description="Model calls that one run of the program needs, as a rule; by default one for each prompt. Caps on "
        "calls are planned by it. What was called in fact is counted.",
    )
    isolate: bool = Field(
        default=False,
        description="Whether the program runs in processes of its own, as many as `max_concurrency` at most. One that "
        "crashes, hangs or takes ever more memory is replaced; the example counts as a call that failed.",
    )
    timeout_s: float = Field(default=120.0, gt=0, description="Seconds that one run of the program may take.")
    max_concurrency: int = Field(default=8, ge=1, description="Runs of the program at once.")
    folder: Path | None = Field(default=None, description="Where its module is; by default the spec's folder.")
    source: str = Field(default="", description="Hash of its source, found when the spec is read.")
    _program: Any = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: object) -> object:
        return {"call": value} if isinstance(value, str) else value

    @field_validator("call")
    @classmethod
    def _names_an_object(cls, value: str) -> str:
        if not _CALL.fullmatch(value):
            raise ValueError("must be `module:name`, as in `app.pipeline:answer`")
        return value

    def with_program(self, program: object) -> Self:
        """The same for a program that is an object of Python; it is in no dump of the spec."""
        found = self.model_copy()
        found._program = program  # noqa: SLF001 - its own class
        return found

    @property
    def program(self) -> Any:
        """The object that `with_program` has told; None for programs that are found by their name."""
        return self._program

    @property
    def module(self) -> str:
        """The module's name."""
        return self.call.partition(":")[0]

    @property
    def version(self) -> str:
        """What tells one version of the program from another."""
        return self.target_version or self.source

    def files(self) -> dict[str, Path]:
        """The files of the program by module name, where its module lies in the spec's folder; else none."""
        return source_closure(self.module, self.folder) if self.folder is not None else {}

    def beside(self, folder: Path) -> Self:
        """The target as a spec in `folder` means it, with the hash of its source; nothing is imported.

        Raises:
            SpecError: there is no such module.
        """
        placed = self.model_copy(update={"folder": real_path(folder / (self.folder or ""))})
        files = placed.files() or self._installed()
        if not files:
            where = Path(*self.module.split("."))
            raise SpecError(
                f"`target`: neither {placed.folder}/{where}.py nor an installed package is module `{self.module}`; "
                "write it there, or correct `target`"
            )
        return placed.model_copy(update={"source": hash_files(files)})

    def _installed(self) -> dict[str, Path]:
        """The files of an installed package's module, and of what it imports from that package."""
        top = self.module.partition(".")[0]
        found = importlib.util.find_spec(top)
        if found is None or found.origin is None:
            return {}
        origin = Path(found.origin)
        root = origin.parents[1] if origin.name == "__init__.py" else origin.parent
        files = source_closure(self.module, root)
        return {name: path for name, path in files.items() if name.partition(".")[0] == top}

    def identity(self) -> dict[str, Any]:
        """What decides an answer, besides prompts and inputs."""
        return {"call": self.call, "version": self.version, "output": self.output}
