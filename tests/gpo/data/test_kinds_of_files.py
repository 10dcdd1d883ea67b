"""Files of kinds that are known, in other clothes: other languages, other marks, other ways to write the same thing."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gpo.data.guessing.choices import Choices, UndecidedError
from gpo.data.guessing.columns import Column
from gpo.data.guessing.guess import Guess, guess
from gpo.data.guessing.remarks import remarks_on
from gpo.data.guessing.roles.inputs import LeftOut
from gpo.data.sources.encodings import EncodingError, detect_encoding
from gpo.data.starter import write_starter
from gpo.errors import DatasetError
from gpo.scoring.answers import canonical_reference

COUNT = 40
WORDS = ("otter", "badger", "heron", "lynx", "marten", "stoat", "weasel")


def drawn(number: int) -> list[str]:
    return random.Random(number).sample(WORDS, 5)


def text(number: int) -> str:
    return f"Parcel {number} is {['late', 'here'][number % 2]}, thank you."


def bill(number: int) -> dict[str, object]:
    return {"number": number, "town": "Rome", "paid": None}


def sorting(between: str, write: Callable[[list[str]], object]) -> Callable[[int], dict[str, object]]:
    return lambda i: {"question": f"Sort: {between.join(drawn(i))}.", "answer": write(sorted(drawn(i)))}


def options(names: Sequence[str], question: str, answer: str, labels: str) -> Callable[[int], dict[str, Any]]:
    """Rows of a multiple-choice question in another language."""
    return lambda i: {
        question: f"What is {i}?",
        **{name: f"{WORDS[(i + place) % 7]} {i}" for place, name in enumerate(names)},
        answer: labels[i % len(names)],
    }


class Kind(NamedTuple):
    name: str
    row: Callable[[int], dict[str, Any]]
    inputs: tuple[str, ...]
    reference: str
    kind: str
    metric: str


GERMAN, SPANISH = ("Antwort A", "Antwort B", "Antwort C"), ("opción_1", "opción_2", "opción_3")
CYRILLIC = ("\u0410", "\u0411", "\u0412")
KINDS = (
    *(
        Kind(f"sorted, {name}", sorting(between, write), ("question",), "answer", "list", "list_match")
        for name, between, write in (
            ("commas", ", ", ", ".join),
            ("semicolons", "; ", "; ".join),
            ("lines", "\n", "\n".join),
            ("arrows", " > ", " > ".join),
            ("array", ", ", list),
            ("text of an array", ", ", json.dumps),
        )
    ),
    Kind("items of a text", lambda i: {"text": f"Buy {', '.join(drawn(i))} {i}", "bought": drawn(i)[: 1 + i % 3]},
         ("text",), "bought", "labels", "jaccard"),
    Kind("empty arrays", lambda i: {"text": text(i), "found": json.dumps([f"p{i}", f"q{i}"][: i % 3])},
         ("text",), "found", "json", "json_fields"),
    Kind("objects as Python writes them", lambda i: {"text": text(i), "fields": repr(bill(i))},
         ("text",), "fields", "json", "json_fields"),
    Kind("an object that breaks off", lambda i: {"text": text(i), "fields": json.dumps(bill(i))[: 9 if i == 4 else 99]},
         ("text",), "fields", "json", "json_fields"),
    Kind("objects in a block of code", lambda i: {"text": text(i), "fields": f"```json\n{json.dumps(bill(i))}\n```"},
         ("text",), "fields", "json", "json_fields"),
    Kind("letters of options with their texts",
         lambda i: {"question": f"Which one is {i}?", "answer": f"{'ABCD'[i % 4]}. {WORDS[i % 7]} {i}"},
         ("question",), "answer", "choice", "exact_match"),
    Kind("letters of options in columns",
         lambda i: {**options("ABC", "question", "answer", "ABC")(i), "answer": f"({'ABC'[i % 3]}) {WORDS[i % 7]} {i}"},
         ("question", "A", "B", "C"), "answer", "choice", "exact_match"),
    Kind("lists of objects", lambda i: {"order": text(i), "lines": [bill(i), bill(i + 1)]},
         ("order",), "lines", "json", "json_fields"),
    Kind("German options", options(GERMAN, "Frage", "Richtig", "ABC"),
         ("Frage", *GERMAN), "Richtig", "choice", "exact_match"),
    Kind("Spanish options", options(SPANISH, "pregunta", "correcta", "123"),
         ("pregunta", *SPANISH), "correcta", "choice", "exact_match"),
    Kind("Cyrillic options", options(CYRILLIC, "вопрос", "ответ", "".join(CYRILLIC)),
         ("вопрос", *CYRILLIC), "ответ", "choice", "exact_match"),
)  # fmt: skip


def labelled_twice(text_name: str, other: str, label: str) -> Callable[[int], dict[str, Any]]:
    """Rows with two columns of labels, of which the first has fewer."""
    return lambda i: {other: "ab"[i % 2], text_name: text(i), label: ["x1", "y2", "z3"][i % 3]}


def guessed(row: Callable[[int], dict[str, Any]], folder: Path) -> Guess:
    return guess(folder / "rows.jsonl", [row(number) for number in range(COUNT)])


@pytest.mark.parametrize(
    ("names", "label"),
    [(("내용", "채널"), "분류"), (("texte", "priorité"), "catégorie")],
)
def test_of_two_columns_of_labels_the_other_one_describes_the_row(
    names: tuple[str, str], label: str, tmp_path: Path
) -> None:
    found = guessed(labelled_twice(*names, label), tmp_path)
    assert (found.reference, found.others) == (label, (names[1],))


def test_a_number_that_is_none_is_a_cell_without_a_value(tmp_path: Path) -> None:
    rows = [{"text": float("nan") if i == 3 else text(i), "label": ["bad", "good"][i % 2]} for i in range(COUNT)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    (told,) = write_starter("task", tmp_path / "rows.json", tmp_path, force=False).splits.left_out
    assert "left out 1 row that cannot be used; the first: row 4: field `text`" in told


def test_fields_beside_one_text_are_what_is_to_be_read_from_it(tmp_path: Path) -> None:
    found = guessed(lambda i: {"email": text(i), "fields": bill(i)}, tmp_path)
    assert (list(found.inputs), found.reference, found.answer.spec.kind) == (["email"], "fields", "json")
    parts = guessed(lambda i: {"data": {"text": text(i), "kind": "ab"[i % 2]}}, tmp_path)
    assert parts.reference == "data.kind"
    labelled = guessed(lambda i: {"email": text(i), "data": {"by": "ab"[i % 2], "no": i}, "mood": i % 2 > 0}, tmp_path)
    assert labelled.reference == "mood"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_task_is_found(kind: Kind, tmp_path: Path) -> None:
    found = guessed(kind.row, tmp_path)
    assert (tuple(found.inputs.values()), found.reference) == (kind.inputs, kind.reference)
    assert (found.answer.spec.kind, found.answer.metric) == (kind.kind, kind.metric)


def passenger(number: int) -> dict[str, Any]:
    drawn = random.Random(number)
    few = {
        name: str(drawn.randrange(most)) for name, most in {"Survived": 2, "Pclass": 3, "SibSp": 3, "Parch": 2}.items()
    }
    return {"Name": f"Owen {number}", "Sex": drawn.choice(["male", "female"]), **few}


def test_in_a_table_of_measurements_nothing_says_which_column_is_the_answer(tmp_path: Path) -> None:
    with pytest.raises(UndecidedError, match=r"`Survived`.* name it with --reference"):
        guessed(passenger, tmp_path)
    rows = [passenger(number) for number in range(COUNT)]
    asked = guess(tmp_path / "rows.jsonl", rows, ask=lambda _: "Survived")
    assert (asked.reference, asked.answer.spec.kind) == ("Survived", "choice")


def test_of_a_table_of_measurements_all_columns_are_the_input_and_that_is_said() -> None:
    rows = [passenger(number) | {"Fare": f"{number % 40}.5"} for number in range(COUNT)]
    found = guess(Path("rows.csv"), rows, Choices(reference="Survived"))
    assert list(found.inputs.values()) == ["Name", "Sex", "Pclass", "SibSp", "Parch", "Fare"]
    assert any("all 6 are shown to the model by their names" in each for each in remarks_on(rows, found))
    # Beside a text, they are not what is asked about.
    with_text = [
        row | {"comment": f"The cabin was cold and the soup was late again on day {at}."} for at, row in enumerate(rows)
    ]
    beside = guess(Path("rows.csv"), with_text, Choices(reference="Survived"))
    assert list(beside.inputs.values()) == ["comment"]


def measured_with(name: str, text: str) -> list[dict[str, str]]:
    """Rows with a short text of its own each, beside what was measured."""
    rows = []
    for number in range(3 * COUNT):
        drawn = random.Random(number)
        few = {"price": str(drawn.randrange(90)), "region": drawn.choice("nsw"), "device": drawn.choice(["web", "app"])}
        more = {"hour": str(drawn.randrange(24)), "category": drawn.choice(["sport", "money"])}
        rows.append({name: text.format(*drawn.sample(WORDS, 4), n=number)} | few | more)
    return rows


@pytest.mark.parametrize(
    ("name", "text"),
    [("headline", "{} meets {} and {}{n}"), ("symptom", "{}{n} {}"), ("item", "{} {} {n}"), ("merchant", "{} {}{n}")],
)
def test_short_texts_beside_measurements_are_what_is_asked_about_and_the_choice_is_told(name: str, text: str) -> None:
    rows = measured_with(name, text)
    found = guess(Path("rows.csv"), rows)
    assert (tuple(found.inputs.values()), found.reference) == ((name,), "category")
    (told,) = [each for each in remarks_on(rows, found) if "asked about" in each]
    assert told.startswith(f"`{name}` is taken as what is asked about")
    assert f"`price`, `region`, `device`, `hour` as well, --input {name!r} --input 'price'" in told


@pytest.mark.parametrize(
    ("name", "text"),
    [("Name", "{} {}{n}"), ("car name", "{} {} {n}"), ("address", "{n} {} street"), ("seen_at", "2024-01-02 10:{n}")],
)
def test_names_of_things_and_times_are_measured_as_the_rest_is(name: str, text: str) -> None:
    rows = measured_with(name, text)
    found = guess(Path("rows.csv"), rows)
    assert {"price", "region", "device", "hour"} <= set(found.inputs.values())
    (told,) = [each for each in remarks_on(rows, found) if "asked about" in each]
    assert told.startswith("no column stands out as a text to be asked about")


def test_a_short_text_leaves_it_open_which_column_is_the_answer() -> None:
    named = {"who": "who", "region": "ward", "device": "shift", "hour": "hour", "category": "side"}
    rows = [
        {named[name]: value for name, value in row.items() if name in named} for row in measured_with("who", "{} {}{n}")
    ]
    with pytest.raises(UndecidedError, match=r"`ward`, `shift`, `hour`, `side`; name it with --reference"):
        guess(Path("rows.csv"), rows)


def test_in_a_table_of_words_alone_nothing_says_which_column_is_the_answer() -> None:
    drawn = random.Random(1)
    few = {"buying": "high low", "doors": "2 4 more", "safety": "low med high", "worth": "unacc acc good vgood"}
    rows = [{name: drawn.choice(words.split()) for name, words in few.items()} for _ in range(COUNT)]
    with pytest.raises(UndecidedError, match=r"`buying`, `doors`, `safety`, `worth`; name it with --reference"):
        guess(Path("rows.csv"), rows)


def test_a_letter_with_its_text_is_the_label(tmp_path: Path) -> None:
    found = guessed(lambda i: {"q": f"Which is {i}?", "answer": f"{'ABCD'[i % 4]}) {WORDS[i % 7]} {i}"}, tmp_path)
    assert [canonical_reference(each, found.answer.spec) for each in ("B) otter 5", "B", "E) x", "otter")] == [
        "B",
        "B",
        None,
        None,
    ]


def test_a_text_of_no_label_is_an_answer_where_lists_of_labels_are(tmp_path: Path) -> None:
    found = guessed(lambda i: {"text": text(i), "tags": json.dumps(["red", "blue", "green"][: i % 4])}, tmp_path)
    assert found.answer.spec.kind == "labels"
    assert canonical_reference("[]", found.answer.spec) is not None


def test_what_a_rater_remarks_is_no_input_and_the_text_of_a_customer_is(tmp_path: Path) -> None:
    said = {"label": ["bad", "good"], "grader_comment": ["I read it twice", "As told", "It fits"]}
    found = guessed(
        lambda i: {"comment": text(i), "grader_comment": f"{said['grader_comment'][i % 3]} {i}", "label": i % 2 > 0},
        tmp_path,
    )
    assert list(found.inputs) == ["comment"]
    assert LeftOut("grader_comment", "holds what was said of the answer") in found.left_out


def test_texts_that_say_that_there_is_nothing_are_told(tmp_path: Path) -> None:
    rows = [{"text": "NaN" if i == 3 else text(i), "label": ["bad", "good"][i % 2]} for i in range(COUNT)]
    (remark,) = remarks_on(rows, guess(tmp_path / "rows.csv", rows))
    assert "`text` says 'nan' in 1 row" in remark


def test_labels_of_half_of_the_rows_are_refused_with_the_command_that_takes_them(tmp_path: Path) -> None:
    rows = "".join(f'"{text(i)}",{["bad", "", "good", ""][i % 4]}\n' for i in range(2 * COUNT))
    (tmp_path / "half.csv").write_text(f"text,category\n{rows}")
    with pytest.raises(DatasetError, match=r"missing in 40 of 80 rows\)\n  This works: .* --reference category$"):
        write_starter("task", tmp_path / "half.csv", tmp_path, force=False)


def test_a_contradiction_names_yes_and_no_as_they_are_written(tmp_path: Path) -> None:
    rows = "".join(f"Was it {i}?,{['sí', 'no'][i % 2]}\n" for i in range(COUNT))
    (tmp_path / "rows.csv").write_text(f"text,label\n{rows}Was it 4?,no\n")
    with pytest.raises(DatasetError, match="answered 'sí' and 'no'"):
        write_starter("task", tmp_path / "rows.csv", tmp_path, force=False)


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ('\ufeff"sep=;"\r\n', "text;label"),
        ("sep=;;\n", "text;label"),
        ("SEP=|\n", "text|label"),
        ("", "\ufefftext\u200b;\u200b label\u00a0"),
    ],
)
def test_marks_that_nobody_sees_are_no_part_of_the_header(first: str, header: str, tmp_path: Path) -> None:
    between = "|" if "|" in header else ";"
    rows = "".join(f'"{text(i)}"{between}{["bad", "good"][i % 2]}\n' for i in range(COUNT))
    (tmp_path / "rows.csv").write_text(f"{first}{header}\n{rows}", encoding="utf-8")
    found = write_starter("task", tmp_path / "rows.csv", tmp_path, force=False).found.guess
    assert (found.inputs, found.reference) == ({"text": "text"}, "label")


@pytest.mark.parametrize(
    ("sentence", "encoding"),
    [
        ("Bardzo miły hotel w Łodzi, żenada, nie polecam, więcej nie wrócę", "cp1250"),
        ("A kiszolgálás szörnyű volt, a szoba gyönyörű és bőséges Győrben", "cp1250"),
        ("Mâncarea este rece în Braşov, Piaţa e grozavă şi scumpă", "cp1250"),
        ("La chambre nous a déçus, le dîner était décevant à Noël", "mac_roman"),
        ("Das Bügeleisen macht seltsame Geräusche und läßt sich nicht öffnen", "cp850"),
    ],
)
def test_the_likely_encoding_is_one_whose_words_are_words(sentence: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("".join(f"{sentence} {i},good\n" for i in range(COUNT)).encode(encoding))
    with pytest.raises(EncodingError) as caught:
        detect_encoding(path)
    assert caught.value.likely == encoding


def test_icelandic_is_western(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(("Þetta hótel var frábært, maturinn góður og ódýr\n" * COUNT).encode("cp1252"))
    assert detect_encoding(path).encoding == "cp1252"


def test_a_list_of_messages_or_texts_is_no_list_of_objects() -> None:
    assert Column("lines", [{"lines": [{"a": "1"}, {"a": "2"}]}]).holds_records
    assert not Column("lines", [{"lines": ["a"]}]).holds_records
    assert not Column("talk", [{"talk": [{"role": "user", "content": "Hi"}]}]).holds_records
