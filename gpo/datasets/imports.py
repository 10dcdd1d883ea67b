"""Exports of other tools and published files as rows that need no explanation: a flat object each.

A new format is one function here, and its test; it gets what a reader of the file's ending makes of it:

    @importer("pairs", "a question and an answer in each list")
    def import_pairs(path: Path) -> Iterator[Imported]:
        for number, pair in enumerate(whole_content(path), start=1):
            yield {"question": pair[0], "answer": pair[1]}

What cannot be used is yielded as the reason why.
"""

import csv
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gpo.data.inputs import input_text
from gpo.data.sources.encodings import detect_encoding
from gpo.data.sources.files import FileReading, ending_of, open_text, parse_json
from gpo.data.sources.folders import read_file
from gpo.data.sources.frames import as_written
from gpo.datasets.lines import canonical_line
from gpo.errors import DatasetError, InputError, suggestion
from gpo.files import write_whole

Row = Mapping[str, Any]
Imported = Row | str
Importer = Callable[[Path], Iterator[Imported]]


class Format(NamedTuple):
    """An export that is known by name: how it is read, and what it is."""

    read: Importer
    description: str


class ImportedFile(NamedTuple):
    """What became of an export: the file with its rows, and what was left out, with the first reason."""

    path: Path
    rows: int
    left_out: int
    reason: str = ""


FORMATS: dict[str, Format] = {}
"""Every format by its name."""


def importer(name: str, description: str) -> Callable[[Importer], Importer]:
    """Register a function for a format; a name that is taken raises ValueError."""

    def register(function: Importer) -> Importer:
        if name in FORMATS:
            raise ValueError(f"the format '{name}' is registered twice")
        FORMATS[name] = Format(function, description)
        return function

    return register


def import_file(name: str, source: Path, path: Path, *, force: bool = False) -> ImportedFile:
    """Write the rows of an export to `path`, a JSONL file, whole or not at all.

    Raises:
        InputError: the format is unknown, or the file is there already and `force` is not set, or cannot be written.
        DatasetError: the source is not there or not of the format, or no row of it can be used.
    """
    if name not in FORMATS:
        raise InputError(f"'{name}' is no format that is known{suggestion(name, FORMATS)}")
    if path.exists() and not force:
        raise InputError(f"{path}: is there already; choose another name, or overwrite it with --force")
    lines: list[bytes] = []
    reasons: list[str] = []
    try:
        for number, row in enumerate(FORMATS[name].read(source), start=1):
            if isinstance(row, str):
                reasons.append(f"row {number}: {row}")
            else:
                lines.append(canonical_line(row))
    except OSError as error:
        raise DatasetError(f"{source}: cannot be read: {error.strerror or error}") from None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise DatasetError(f"{source}: is no file of the format {name}: {type(error).__name__} {error}") from None
    first = reasons[0] if reasons else ""
    if not lines:
        raise DatasetError(f"{source}: holds no row of the format {name}{f'; {first}' if first else ''}")
    try:
        write_whole(path, b"".join(lines).decode())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    return ImportedFile(path, len(lines), len(reasons), first)


def whole_content(path: Path) -> Any:
    """A JSON or YAML file as one value, its numbers as they are written.

    Raises:
        DatasetError: it is neither.
    """
    with open_text(path, _reading(path), newline="") as file:
        text = file.read()
    try:
        return as_written(yaml.safe_load(text)) if ending_of(path) in (".yaml", ".yml") else parse_json(text)
    except (ValueError, yaml.YAMLError) as error:
        raise DatasetError(f"{path}: cannot be read as JSON or YAML: {' '.join(str(error).split())[:200]}") from None


def _reading(path: Path) -> FileReading:
    return FileReading(detect_encoding(path).encoding)


def _rows(path: Path) -> Iterator[Imported]:
    for _, row in read_file(path, _reading(path)):
        yield str(row) if isinstance(row, DatasetError) else row


@importer("openai-evals", "samples of OpenAI evals: input (text, or messages) and ideal")
def import_openai_evals(path: Path) -> Iterator[Imported]:
    """Each sample with its system message, its input, and the ideal answer, of which there may be several."""
    for row in _rows(path):
        if isinstance(row, str) or "ideal" not in row or "input" not in row:
            yield row if isinstance(row, str) else "has no `input` and `ideal`"
            continue
        asked = row["input"]
        yield (_conversation(asked) if isinstance(asked, list) else {"input": asked}) | {"answer": row["ideal"]}


@importer("openai-chat", "conversations for fine-tuning: messages, the last of which is the answer")
def import_openai_chat(path: Path) -> Iterator[Imported]:
    """Each conversation with its system message, what was said, and the last answer of the assistant."""
    for row in _rows(path):
        messages = row if isinstance(row, str) else row.get("messages")
        if not isinstance(messages, list) or not messages:
            yield messages if isinstance(messages, str) else "has no `messages`"
            continue
        *before, last = messages
        if last.get("role") != "assistant" or not last.get("content"):
            yield "does not end with a text of the assistant"
            continue
        yield _conversation(before) | {"answer": last["content"]}


def _conversation(messages: Sequence[Row]) -> dict[str, Any]:
    """The system message, if there is one, and what else was said: the text of a single message, or a line for each."""
    system = [message for message in messages if message.get("role") in ("system", "developer")]
    said = [message for message in messages if message not in system]
    text = _content(said[0]) if len(said) == 1 else input_text(said, "messages") if said else ""
    return ({"system": "\n".join(map(_content, system))} if system else {}) | {"input": text}


def _content(message: Row) -> str:
    content = message["content"]
    return input_text(content, "content") if isinstance(content, list) else str(content)


_SAYS_ANSWER = ("equals", "is-json", "contains", "icontains", "contains-json", "similar", "llm-rubric", "factuality")
"""Assertions of promptfoo whose value is a right answer, the surest first."""

_EXPECTED = "__expected"


@importer("promptfoo", "tests of a promptfoo configuration (YAML, JSON) or its CSV with __expected")
def import_promptfoo(path: Path) -> Iterator[Imported]:
    """Each test's variables, and the value of its surest assertion."""
    if ending_of(path) in (".yaml", ".yml", ".json"):
        content = whole_content(path)
        tests = content.get("tests", []) if isinstance(content, dict) else content
        yield from map(_of_test, tests)
        return
    for row in _rows(path):
        if isinstance(row, str):
            yield row
        elif expected := str(row.get(_EXPECTED) or ""):
            kind, colon, value = expected.partition(":")
            answer = value.strip() if colon and kind.strip() in _SAYS_ANSWER else expected
            yield {name: value for name, value in row.items() if not name.startswith("__")} | {"answer": answer}
        else:
            yield f"has no `{_EXPECTED}`"


def _of_test(test: Row) -> Imported:
    found = {each["type"]: each["value"] for each in reversed(test.get("assert", [])) if "value" in each}
    answer = next((found[kind] for kind in _SAYS_ANSWER if kind in found), None)
    if answer is None:
        return "has no assertion whose value is an answer, such as `equals`"
    return dict(test.get("vars", {})) | {"answer": answer}


@importer("squad", "SQuAD 1.1 and 2.0: articles, paragraphs, questions")
def import_squad(path: Path) -> Iterator[Imported]:
    """Each question with its context and all right answers."""
    for article in whole_content(path)["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                answers = list(dict.fromkeys(answer["text"] for answer in asked["answers"]))
                row = {"id": asked["id"], "title": article["title"], "context": paragraph["context"]}
                yield row | {"question": asked["question"], "answers": answers} if answers else "has no answer"


@importer("mmlu", "MMLU as published: CSV without a header, question, four options, letter")
def import_mmlu(path: Path) -> Iterator[Imported]:
    """Each question with its options by their letters."""
    with open_text(path, _reading(path), newline="") as file:
        for record in csv.reader(file):
            if len(record) == 6:
                yield dict(zip(("question", "A", "B", "C", "D", "answer"), record, strict=True))
            elif record:
                yield f"has {len(record)} fields, not question, four options and letter"


@importer("arc", "ARC, OpenBookQA, CommonsenseQA: a stem, labelled options, answerKey")
def import_arc(path: Path) -> Iterator[Imported]:
    """Each question with its options; those that are numbered get letters, so that all answers look alike."""
    for row in _rows(path):
        if isinstance(row, str):
            yield row
            continue
        asked = row["question"]
        stem, choices = (asked["stem"], asked["choices"]) if isinstance(asked, Mapping) else (asked, row["choices"])
        if isinstance(choices, Mapping):
            choices = [
                {"label": label, "text": text} for label, text in zip(choices["label"], choices["text"], strict=True)
            ]
        letters = dict(zip((str(each["label"]) for each in choices), string.ascii_uppercase, strict=False))
        if (answer := letters.get(str(row["answerKey"]))) is None:
            yield f"its answer {row['answerKey']} is none of its options"
            continue
        options = [{"label": letters[str(each["label"])], "text": each["text"]} for each in choices]
        yield {"id": row.get("id"), "question": stem, "choices": options, "answer": answer}
