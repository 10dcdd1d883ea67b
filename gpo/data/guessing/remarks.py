"""What a person should know of their rows before a task is made of them: odd labels, likely groups, gaps."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gpo.data.guessing.answers import labels_of, references_of
from gpo.data.guessing.columns import Column, Row, columns_of
from gpo.data.guessing.guess import Guess
from gpo.data.guessing.label_sets import count_in_sets, find_label_sets, joined_otherwise
from gpo.data.guessing.roles.features import FEATURES, are_features, is_phrase, measurements_among
from gpo.data.guessing.roles.inputs import why_no_input
from gpo.data.guessing.roles.names import is_id, is_split, is_test_of_code, words_of
from gpo.data.identity import normal_form
from gpo.data.sources.paths import is_there
from gpo.formatting import count as counted
from gpo.formatting import shorten_value
from gpo.scoring.kinds import KINDS

_IMBALANCE = 0.8
"""Share of the most frequent label from which on a prompt that always says it looks good."""

_NOTHING = frozenset(
    {"n/a", "#n/a", "na", "nan", "null", "none", "nil", "-", "--", "?", "tbd", "missing", "(blank)", "-1"}
)
"""Labels that may as well mean that there is no answer, in normal form."""

_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")

_OF_LOGS = frozenset({"latency", "tokens", "trace", "cost"})
_OF_MODELS = frozenset({"output", "outputs", "response", "completion"})

_FLAGS = frozenset({"0", "1", "true", "false", "0.0", "1.0"})
_FEWEST_FLAGS = 3
_SHOWN_FIELDS = 8

_GROUP_WORDS = frozenset(
    {"customer", "user", "client", "document", "doc", "article", "author", "session", "thread", "case"}
)
_FEWEST_GROUPS = 5
_LONG = 10
_GROUPED = 1.2
"""Rows for each value of a field, on average, from which on it is a group."""


def label_counts(rows: Sequence[Row], found: Guess) -> Mapping[str, int] | None:
    """How often each label is the right answer, the most frequent first; None where answers are no labels."""
    if found.answer.spec.has_sets:
        sets = find_label_sets(column := Column(found.reference, rows))
        return None if sets is None else count_in_sets(sets, column)
    if not KINDS[found.answer.spec.kind].has_labels:
        return None
    texts = _references(rows, found)
    keys = Counter(normal_form(text) for text in texts)
    spelt = {normal_form(label): label for label in labels_of(texts)}
    return {spelt[key]: number for key, number in keys.most_common() if key in spelt}


def remarks_on(rows: Sequence[Row], found: Guess) -> tuple[str, ...]:
    """What to tell, a sentence each."""
    columns = columns_of(rows)
    if found.answer.spec.has_sets:
        return (*_of_label_sets(rows, found), *_of_gaps(columns, found), *_of_groups(columns, found))
    return (
        *_of_labels(rows, found),
        *_of_decimals(rows, found),
        *_of_annotations(columns, found),
        *_of_marks(Column(found.reference, rows), found),
        *_of_flags(columns, found),
        *_of_features(columns, found),
        *_of_tests(columns, found),
        *_of_logs(columns, found),
        *_of_gaps(columns, found),
        *_of_groups(columns, found),
    )


def _references(rows: Sequence[Row], found: Guess) -> tuple[str, ...]:
    return references_of(Column(found.reference, rows), ()).texts


def _of_labels(rows: Sequence[Row], found: Guess) -> Iterator[str]:
    labels = label_counts(rows, found)
    if labels is None:
        return
    spellings: dict[str, Counter[str]] = {}
    for text in _references(rows, found):
        spellings.setdefault(normal_form(text), Counter())[text] += 1
    for spelt in spellings.values():
        if len(spelt) > 1:
            several = " and ".join(f"{shorten_value(text)} ({number})" for text, number in spelt.most_common(4))
            yield f"one label in several spellings, taken as one: {several}"
    if once := [label for label, number in labels.items() if number == 1]:
        listed = ", ".join(f"`{label}`" for label in once)
        yield (
            f"seen once: {listed}; a label becomes part of the instruction, and one example proves nothing of it: "
            "correct these rows, or leave them out"
        )
    for label, number in labels.items():
        is_doubtful = normal_form(label) in _NOTHING and set(labels) != {"1", "-1"}
        if number > 1 and found.answer.spec.kind == "choice" and is_doubtful:
            yield (
                f"`{label}` ({counted(number, 'row')}) is taken as a label; if it means that there is no answer, empty "
                "these cells: rows without an answer are left out"
            )
    most, number = next(iter(labels.items()))
    if number >= _IMBALANCE * (total := sum(labels.values())):
        yield (
            f"{number} of {total} rows have the label `{most}`: always saying it scores {number / total:.2f}; "
            "splits that are cut from one file keep its share"
        )


def _of_decimals(rows: Sequence[Row], found: Guess) -> Iterator[str]:
    texts = _references(rows, found) if found.answer.spec.kind == "exact" else ()
    if texts and all(_DECIMAL_COMMA.fullmatch(text.strip()) for text in texts):
        yield (
            f"`{found.reference}` holds numbers with a decimal comma, as {shorten_value(texts[0])}, which may be one "
            "number or two: they are compared as texts; write them with a point to have them compared as numbers"
        )


def _of_annotations(columns: Mapping[str, Column], found: Guess) -> Iterator[str]:
    whole, step, _ = found.reference.partition("[0].")
    several = sum(len(value) > 1 for value in columns[whole].present) if step and whole in columns else 0
    if several:
        yield f"`{whole}` holds several in {counted(several, 'row')}, of which the first counts; they may differ"


def _of_marks(column: Column, found: Guess) -> Iterator[str]:
    if found.answer.spec.kind == "choice" and (shown := joined_otherwise(column)):
        yield (
            f"`{found.reference}` seems to hold several labels in one, as {shorten_value(shown)}: each mixture is "
            "taken as a label of its own; write `;` between labels to have them scored as a set"
        )


def _of_flags(columns: Mapping[str, Column], found: Guess) -> Iterator[str]:
    flags = [name for name, column in columns.items() if set(column.counts) <= _FLAGS and column.is_filled]
    if found.reference in flags and len(flags) >= _FEWEST_FLAGS:
        listed = ", ".join(f"`{name}`" for name in flags)
        yield (
            f"{listed} each say whether one label applies: only `{found.reference}` is asked for; --reference names "
            "another, and one column with all labels that apply makes them one task"
        )


def _of_features(columns: Mapping[str, Column], found: Guess) -> Iterator[str]:
    shown = [columns[field] for field in found.inputs.values() if field in columns]
    if are_features(shown):
        yield (
            f"no column stands out as a text to be asked about: all {len(shown)} are shown to the model by their "
            "names, as in a table of measurements; --input chooses among them"
        )
    left_out = [columns[field] for field, _ in found.left_out if field in columns]
    measured = measurements_among(each for each in left_out if not why_no_input(each, columns[found.reference]))
    if len(shown) == 1 and is_phrase(shown[0]) and len(measured) >= FEATURES:
        listed = ", ".join(f"`{each.name}`" for each in measured[:_SHOWN_FIELDS])
        yield (
            f"`{shown[0].name}` is taken as what is asked about, for its texts differ from row to row; if the answer "
            f"depends on {listed} as well, --input {shown[0].name!r} --input {measured[0].name!r} and so on shows them"
        )


def _of_tests(columns: Mapping[str, Column], found: Guess) -> Iterator[str]:
    used = (found.reference, found.split_field, *found.inputs.values())
    tests = [name for name in columns if is_test_of_code(name) and not is_split(name) and name not in used]
    if tests and not KINDS[found.answer.spec.kind].has_labels:
        yield f"`{tests[0]}` seems to hold tests of code, which are not run: answers are compared as texts"


def _of_logs(columns: Mapping[str, Column], found: Guess) -> Iterator[str]:
    if _OF_LOGS.isdisjoint(word for name in columns for word in words_of(name)):
        return
    if not _OF_MODELS.isdisjoint(words_of(found.reference)):
        yield (
            f"`{found.reference}` seems to be what a model answered in use: it is a right answer only where a person "
            "has checked it"
        )


def _of_label_sets(rows: Sequence[Row], found: Guess) -> Iterator[str]:
    sets = find_label_sets(Column(found.reference, rows))
    if sets is None:
        return
    form = f"with `{sets.between}` between them" if sets.between else "as a list"
    one = "" if sets.between else "; if any one of them is a right answer by itself, --kind choice"
    yield f"`{found.reference}` holds labels {form}: all that apply are the answer{one}"
    for label, number in (label_counts(rows, found) or {}).items():
        if number == 1:
            yield f"seen once: `{label}`; a label becomes part of the instruction, and one example proves nothing of it"


def _of_gaps(columns: Mapping[str, Column], found: Guess) -> Iterator[str]:
    fields = [columns[field] for field in found.inputs.values() if field in columns]
    for column in fields:
        if column.is_wordy and (said := [key for key in column.counts if key in _NOTHING]):
            number = sum(column.counts[key] for key in said)
            yield (
                f"`{column.name}` says {shorten_value(said[0])} in {counted(number, 'row')}; if that means that "
                "nothing is there, empty these cells: such rows are left out"
            )
    if len(fields) < 2:
        return
    for column in fields:
        if column.missing:
            yield f"`{column.name}` is empty in {counted(column.missing, 'row')}, where the prompt shows nothing"


def _of_groups(columns: Mapping[str, Column], found: Guess) -> Iterator[str]:
    if found.group:
        return
    for name, column in columns.items():
        if name == found.reference or not column.is_filled or not column.is_text or column.distinct < _FEWEST_GROUPS:
            continue
        is_named = is_id(name) or not _GROUP_WORDS.isdisjoint(words_of(name))
        is_long = name in found.inputs.values() and _is_long(column) and len(found.inputs) > 1
        if (is_named or is_long) and len(column.present) >= _GROUPED * column.distinct:
            yield (
                f"rows share {column.distinct} values of `{name}`: if rows of one value are alike, --group {name!r} "
                "keeps them in one split"
            )


def _is_long(column: Column) -> bool:
    words = sorted(len(str(value).split()) for value in column.present if is_there(value))
    return bool(words) and words[len(words) // 2] >= _LONG
