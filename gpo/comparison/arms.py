"""The arms of a comparison: the methods that are compared, which are presets or variants of GPO (ablations).

The ablations are built from the types in `gpo.spec.method`: a strategy that is added there is in them by itself.
"""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

from gpo.errors import InputError, suggestion
from gpo.records import Record
from gpo.spec.method import PRESETS, Method

PaperTable = Literal["2", "3", "all"]
VariedFields = tuple[str, ...]

REFERENCE = "gpo"
"""The arm that the others are measured against, where it is there."""

ALL = "all"

PARTS: Mapping[str, Mapping[str, VariedFields]] = {
    "2": {"information": ("information",), "trajectory": ("trajectory",)},
    "3": {"edit distance": ("decay", "warmup"), "refinement": ("refinement",)},
}
"""What each table of the paper's analysis varies: the update direction (2), and the update method (3)."""

_SLUG = re.compile(r"[^a-z0-9]+")


class Arm(Record):
    """One way to search, under the name that the tables show. `part` is what an ablation varied, else empty."""

    name: str
    method: Method
    preset: str = REFERENCE
    part: str = ""

    @property
    def slug(self) -> str:
        """The name as a part of a file name.

        >>> Arm(name="edit distance: linear + warm-up", method=Method()).slug
        'edit-distance-linear-warm-up'
        """
        return _SLUG.sub("-", self.name.casefold()).strip("-")


def preset_arms(wanted: str) -> tuple[Arm, ...]:
    """Presets by name, `all` or separated by commas, in the order given.

    >>> [arm.name for arm in preset_arms("gpo, opro")]
    ['gpo', 'opro']

    Raises:
        InputError: a name is unknown or given twice, or none is given.
    """
    names = list(PRESETS) if wanted.strip() == ALL else _split_list(wanted, "--presets", f"{ALL}, or gpo,opro")
    for name in names:
        if name not in PRESETS:
            raise InputError(f"--presets: unknown preset '{name}'{suggestion(name, [*PRESETS, ALL])}")
    return tuple(Arm(name=name, method=PRESETS[name], preset=name) for name in names)


def ablation_arms(table: str = ALL, *, full: bool = False) -> tuple[Arm, ...]:
    """GPO, and what the tables of the paper's analysis (Tang et al., section 3) vary.

    One part of the method at a time, the rest as GPO has it; with `full`, all combinations of a table's choices.
    GPO itself comes first.

    Raises:
        InputError: no such table.
    """
    if table not in get_args(PaperTable):
        raise InputError(f"--table: unknown table '{table}'{suggestion(table, get_args(PaperTable))}")
    found: dict[Method, Arm] = {PRESETS[REFERENCE]: Arm(name=REFERENCE, method=PRESETS[REFERENCE])}
    for parts in (PARTS[name] for name in PARTS if table in (name, ALL)):
        groups = [("", tuple(itertools.chain(*parts.values())))] if full else list(parts.items())
        for part, fields in groups:
            for method in _variants(fields):
                title = f"{part}: " if part else ""
                found.setdefault(
                    method, Arm(name=f"{title}{_describe_choice(method, fields)}", method=method, part=part)
                )
    return tuple(found.values())


def field_choices(field: str) -> Sequence[str | bool]:
    """All values that a field of the method takes."""
    annotation = Method.model_fields[field].annotation
    return (False, True) if annotation is bool else get_args(annotation)


def _variants(fields: Iterable[str]) -> Iterable[Method]:
    """GPO with every combination of the fields' values, but for those that mean the same as another."""
    names = list(fields)
    for values in itertools.product(*(field_choices(name) for name in names)):
        method = PRESETS[REFERENCE].model_copy(update=dict(zip(names, values, strict=True)))
        # Without a word budget there is nothing to warm up, and one that adapts does it by itself.
        if not (method.warmup and method.decay in ("none", "adaptive")):
            yield method


def _describe_choice(method: Method, fields: Iterable[str]) -> str:
    """The values of some fields in words.

    >>> _describe_choice(Method(decay="linear", warmup=True), ["decay", "warmup"])
    'linear + warm-up'
    """
    words = ""
    for field in fields:
        value = getattr(method, field)
        if isinstance(value, bool):
            words += " + warm-up" if value else ""
        else:
            words += f"{', ' if words else ''}{value}"
    return words


def parse_seeds(wanted: str) -> tuple[int, ...]:
    """The seeds of the option `--seeds`: how many, counted from 0, or which ones, separated by commas.

    >>> parse_seeds("3"), parse_seeds("4,7"), parse_seeds("7,")
    ((0, 1, 2), (4, 7), (7,))

    Raises:
        InputError: no number, none at all, or one given twice.
    """
    form = "a number of seeds such as 3, or a list such as 0,1,2"
    texts = _split_list(wanted.rstrip().removesuffix(","), "--seeds", form)
    try:
        numbers = tuple(int(text) for text in texts)
    except ValueError:
        raise InputError(f"--seeds: received '{wanted}'; give {form}") from None
    if "," in wanted:
        return numbers
    if numbers[0] < 1:
        raise InputError(f"--seeds: received {numbers[0]}; a comparison needs at least one seed")
    return tuple(range(numbers[0]))


def _split_list(text: str, option: str, form: str) -> list[str]:
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise InputError(f"{option}: received '{text}'; give {form}")
    if twice := next((item for item in items if items.count(item) > 1), None):
        raise InputError(f"{option}: {twice} is given twice")
    return items
