"""A first spec from data: guesses what the rows show and writes it down with comments that teach the rest.

What is written works as it stands: the spec is checked and the whole dataset is read with it before the file appears.
"""

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import TypeAdapter, ValidationError

from gpo.data.guessing.choices import UNDECIDED, Ask, Choices, ChoiceToMake, UndecidedError, take_default
from gpo.data.guessing.exports import import_command
from gpo.data.guessing.found import Found, find_in
from gpo.data.guessing.guess import FEWEST_ROWS, Guess
from gpo.data.guessing.remarks import label_counts, remarks_on
from gpo.data.guessing.roles.splits import sizes_for
from gpo.data.relations import Part, RowChecks, RowProblems
from gpo.data.rows import Labelled, label_row
from gpo.data.sources.encodings import EncodingError
from gpo.data.sources.registry import Table
from gpo.data.sources.tables import tables_of
from gpo.data.splits import load_splits
from gpo.data.starter_text import spec_text
from gpo.errors import DatasetError, InputError, SpecError
from gpo.files import write_whole
from gpo.names import Name
from gpo.progress import Note, emit
from gpo.records import Splits
from gpo.spec.dataset import SplitSpec
from gpo.spec.file import anchor_paths
from gpo.spec.task import TaskSpec

_SEEDS = 20
"""Seeds that are tried until every split gets enough of a dataset's groups."""


class Starter(NamedTuple):
    """A spec that was written, and what it says of the data.

    `labels` are counted in the rows that were looked at, None where answers are no labels. `remarks` tell what a person
    should know of the rows.
    """

    path: Path
    found: Found
    splits: Splits
    labels: Mapping[str, int] | None
    remarks: tuple[str, ...]


class _Failed(NamedTuple):
    """A guess whose spec does not work, and why."""

    guess: Guess
    error: DatasetError


def write_starter(
    name: str, data: Path, folder: Path, *, force: bool, choices: Choices = UNDECIDED, ask: Ask = take_default
) -> Starter:
    """Write `NAME.yaml` into `folder`, a spec for a file or a folder of labelled rows.

    Raises:
        SpecError: `name` cannot be a task's name.
        InputError: the file is there already and `force` is not set, or it cannot be written.
        DatasetError: the data cannot be read, has too few rows, or does not show what is input and what is answer; the
            message ends with the command that would settle it, where there is one.
    """
    _check_name(name)
    path = folder / f"{name}.yaml"
    if path.exists() and not force:
        raise InputError(f"{path}: is there already; choose another name, or overwrite it with --force")
    home = folder.resolve()

    def text_of(guessed: Guess) -> str:
        return spec_text(name, _relative(data, folder), guessed)

    def spec_of(guessed: Guess) -> TaskSpec:
        return anchor_paths(TaskSpec.model_validate(yaml.safe_load(text_of(guessed))), home)

    try:
        found = find_in(data, choices, ask)
        if found.is_from_sample:
            emit(Note(f"{data}: checking all {found.total:,} rows against what {len(found.rows):,} of them show"))
        found, splits = _checked(found, spec_of, choices, ask)
    except DatasetError as error:
        raise _with_command(error, name, data, choices) from None
    try:
        write_whole(path, text_of(found.guess))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    remarks = remarks_on(found.rows, found.guess)
    return Starter(path, found, splits, label_counts(found.rows, found.guess), remarks)


def _with_command(error: DatasetError, name: str, data: Path, choices: Choices) -> DatasetError:
    """The error with the command that settles what is undecided, where one does."""
    if isinstance(error, EncodingError) and error.likely:
        error = UndecidedError(str(error), Choices(encoding=error.likely))
    wanted = error.choices if isinstance(error, UndecidedError) else None
    # A known export has its own reader, which knows more than a guess at its fields.
    if wanted is None or wanted.reference is not None:
        is_read = not isinstance(error, UndecidedError)
        if found := import_command(data, name, has_rows=is_read):
            return DatasetError(f"{error}\n  It looks like the export of another tool, which this reads: {found}")
    if isinstance(error, UndecidedError) and wanted is not None:
        return DatasetError(f"{error}\n  This works: {_command(error, wanted, name, data, choices)}")
    return error


def _command(error: UndecidedError, wanted: Choices, name: str, data: Path, choices: Choices) -> str:
    """The command with what would settle the error, and with all that was said already."""
    given = {option: value for option, value in wanted._asdict().items() if value}
    better = error.data or data
    copy = "" if better.exists() else f"cp {shlex.quote(str(data))} {shlex.quote(str(better))} && "
    options = choices._replace(**given).as_options()
    return f"{copy}gpo spec init {name} --data {shlex.quote(str(better))} {options}".rstrip()


def _checked(found: Found, spec_of: Callable[[Guess], TaskSpec], choices: Choices, ask: Ask) -> tuple[Found, Splits]:
    """What was found, so that its spec works with the whole dataset, and the splits of that spec."""
    if choices.on_bad_row:
        found = found.with_guess(on_bad_row=choices.on_bad_row)
    try:
        # Mostly nothing is wrong, and a large file is not read once more to look for what contradicts.
        return found, load_splits(spec_of(found.guess))
    except DatasetError as error:
        failed = _Failed(found.guess, error)
    if found.guess.on_bad_row != "skip":
        found = _without_conflicts(found, spec_of(found.guess), choices, ask)
    return _loaded(found, spec_of, choices, failed)


def _without_conflicts(found: Found, spec: TaskSpec, choices: Choices, ask: Ask) -> Found:
    """The same, or with the first of the rows that contradict each other, where a person wants that.

    Raises:
        UndecidedError: rows contradict each other, and nobody says what to do.
    """
    title = "one input has two answers, where case and white space do not count; correct the rows, or keep the first"
    checks = RowChecks(RowProblems("ids must be unique"), RowProblems(f"{spec.dataset.source}: {title}"))
    for part, table in _parts(spec):
        checks.begin_table(table.name, part)
        for number, row in _usable(table, spec):
            checks.relate(number, row)
    try:
        checks.fail()
    except DatasetError as error:
        question = ChoiceToMake(f"{error}\nStop, or skip all but the first of each?", ("stop", "skip"), "stop")
        if choices.on_bad_row is None and ask(question) == "skip":
            return found.with_guess(on_bad_row="skip")
        raise UndecidedError(str(error), Choices(on_bad_row="skip")) from None
    return found


def _parts(spec: TaskSpec) -> Iterator[tuple[Part, Table]]:
    tables = tables_of(spec.dataset, spec.gate.slices)
    for table in tables.whole:
        yield "all", table
    yield from tables.splits.items()


def _usable(table: Table, spec: TaskSpec) -> Iterator[tuple[int, Labelled]]:
    """The rows that can be used with the spec, with their numbers."""
    for number, row in table.rows:
        try:
            if not isinstance(row, DatasetError):
                yield number, label_row(row, spec)
        except DatasetError:
            continue


def _loaded(
    found: Found, spec_of: Callable[[Guess], TaskSpec], choices: Choices, failed: _Failed
) -> tuple[Found, Splits]:
    """The splits, without the rows that cannot be used unless a person wants to stop at them.

    What has `failed` is not tried again. Where groups are kept together, the first seed is taken under which every
    split gets enough of them.
    """
    first: DatasetError | None = None
    for each in _attempts(found, spec_of, choices):
        try:
            if each.guess == failed.guess:
                raise failed.error
            return each, load_splits(spec_of(each.guess))
        except DatasetError as error:
            first = first or error
    assert first is not None  # noqa: S101 - for the type checker
    raise first


def _attempts(found: Found, spec_of: Callable[[Guess], TaskSpec], choices: Choices) -> Iterator[Found]:
    """What may work, the most wanted first; the last has splits for the rows that can be used, where these are few."""
    skipping = found.with_guess(on_bad_row="skip")
    tried = [found] if choices.on_bad_row else [found, skipping]
    if found.guess.group:
        tried = [each.with_guess(seed=seed) for each in tried for seed in range(_SEEDS)]
    yield from tried
    spec = spec_of(skipping.guess)
    is_folder = spec.dataset.path is not None and spec.dataset.path.is_dir()
    if choices.on_bad_row == "stop" or choices.split or found.guess.split_field or is_folder:
        return
    asked = {row.inputs_hash for _, table in _parts(spec) for _, row in _usable(table, spec)}
    if len(asked) >= FEWEST_ROWS:
        yield skipping.with_guess(split=sizes_for(len(asked)))


def _check_name(name: str) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise SpecError(
            f"'{name}' cannot be a task's name: allowed are lower case letters, digits, - and _, a letter or digit"
            " first, 63 characters at most"
        ) from None


def _relative(data: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(data.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive, where there are drives
        return data.resolve().as_posix()


def task_of(folder: Path, *, train: int | None = None, dev: int | None = None, test: int | None = None) -> TaskSpec:
    """The task that a folder of labelled splits is, with the embedded models; sizes are the folder's, or as given.

    The benchmarks of the paper are known by the folder's name and asked as the paper does it; of any other folder, the
    rows tell. `gpo.data.starter.write_starter` writes the same as a commented file.

    Raises:
        DatasetError: the folder cannot be read, or does not show what is input and what is answer.
    """
    found = find_in(folder).guess
    sizes = {"train": train, "dev": dev, "test": test}
    given = {split: size for split, size in sizes.items() if size is not None}
    found = found._replace(split=SplitSpec.model_validate({**found.split.model_dump(), **given}))
    spec = TaskSpec.model_validate(yaml.safe_load(spec_text(_name(folder.resolve()), ".", found, local=True)))
    return anchor_paths(spec, folder.resolve())


def _name(folder: Path) -> str:
    """`bbh-navigate` for `bbh/navigate`, and the folder's own name where nothing is gained by more."""
    group = f"{folder.parent.name}-" if folder.parent.name in ("bbh", "mmlu") else ""
    name = re.sub(r"[^a-z0-9_-]+", "_", f"{group}{folder.name}".lower())
    return name.strip("_-")[:63] or "task"
