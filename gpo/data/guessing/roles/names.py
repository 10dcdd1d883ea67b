"""What the names of fields say, and which variable a field fills."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain, count

from gpo.template import INSTRUCTION, VARIABLE

# fmt: off
REFERENCES = (
    "ground_truth", "groundtruth", "gold_answer", "best_answer", "correct_answer", "reference_answer",
    "expected_answer", "label", "target", "answer", "output", "reference", "expected", "category", "class", "sentiment",
    "gold", "completion", "response", "labels", "targets", "answers", "references", "reply",
)
"""Names of the field with the right answer, the surest first."""

_ELSEWHERE = frozenset({
    "antwort", "réponse", "reponse", "respuesta", "risposta", "resposta", "antwoord", "odpowiedź", "svar", "ответ",
    "答案", "回答", "答え", "解答", "답변", "정답", "الجواب", "الإجابة", "اجابة", "उत्तर",
    "kategorie", "catégorie", "categorie", "categoría", "categoria", "kategoria", "kategori", "klasse",
    "classe", "clase", "étiquette", "etiqueta", "rótulo", "etichetta", "etykieta", "etikett", "abteilung",
    "warteschlange", "отдел", "категория", "класс", "метка", "分类", "类别", "标签", "分類",
    "カテゴリ", "カテゴリー", "ラベル", "분류", "카테고리", "라벨", "الفئة", "التصنيف",
})
"""The right answer, or its category, in other languages, as whole names."""

_METADATA_ELSEWHERE = frozenset({
    "priorität", "dringlichkeit", "kanal", "sprache", "priorité", "priorite", "urgence", "canal", "langue", "prioridad",
    "urgencia", "idioma", "prioridade", "priorità", "priorytet", "приоритет", "срочность", "канал", "язык", "статус",
    "优先级", "渠道", "语言", "优先度", "優先度", "チャネル", "言語", "우선순위", "채널", "언어", "الأولوية", "القناة",
})
"""What describes a row, in other languages, as whole names."""

_ASKED_ELSEWHERE = frozenset({
    "frage", "pregunta", "domanda", "pergunta", "vraag", "pytanie", "fråga", "вопрос", "текст", "问题", "問題", "質問",
    "题目", "文本", "문제", "질문", "السؤال", "النص", "سؤال", "प्रश्न", "texte", "texto", "testo", "tekst",
})

_REFERENCE_WORDS = (
    "label", "target", "answer", "gold", "expected", "output", "outputs", "truth", "reference", "category", "class",
    "sentiment", "intent", "queue", "verdict", "summary", "highlights", "translation", "completion", "response",
    "labels", "answers", "department", "topic", "emotion", "stance", "polarity", "spam", "toxic", "decision", "outcome",
    "rating", "stars", "sql", "ideal", "team", "expectation", "expectations", "result", "correct", "tags",
    "keywords", "entities", "chosen", "preferred", "true", "actual", "winner", "preference", "responses", "annotation",
    "annotations", "accept", "spans", "solution", "solutions",
    "docstring", "regex", "corrected", "correction", "simplified",
)

_SOLUTIONS = ("solution", "rationale", "explanation", "reasoning")

_FEEDBACK = ("feedback", "human_feedback")

_ANSWER_WORDS = frozenset({
    "label", "labels", "answer", "answers", "target", "targets", "gold", "truth", "correct", "expected", "ideal",
    "justification", "justifications", "explanation", "explanations", "rationale", "rationales", "reasoning", "reason",
    "solution", "solutions", "cot", "prediction", "predictions", "predicted", "annotation", "annotations", "verdict",
    "chosen", "rejected", "pred", "preds", "reference", "references", "suggestion", "suggestions", "generated",
    "responses", "reply", "replies", "annot", "annotated",
})

_PREDICTIONS = frozenset({
    "pred", "preds", "predicted", "prediction", "predictions", "yhat", "rejected", "suggestion", "suggestions",
    "generated",
})

_INPUTS = frozenset({
    "input", "inputs", "text", "question", "review", "prompt", "context", "passage", "sentence", "premise",
    "hypothesis", "query", "document", "article", "content", "message", "messages", "title", "subject", "body",
    "comment", "tweet", "utterance", "dialogue", "dialog", "conversation", "story", "paragraph", "problem", "ctx",
    "source", "email", "description", "transcript", "post", "request", "claim", "statement", "abstract", "code",
    "snippet", "options", "choices", "utterances", "expression", "word", "words", "phrase", "table", "contexts",
    "documents", "passages", "chunks", "evidence", "snippets", "turns", "paragraphs", "instruction",
})

_METADATA = frozenset({
    "priority", "severity", "channel", "language", "lang", "locale", "status", "split", "fold", "subset", "date",
    "time", "year", "month", "day", "region", "country", "user", "author", "domain", "difficulty", "level", "created",
    "updated", "timestamp", "version", "origin", "dataset", "annotator", "worker", "agent", "device", "platform",
    "brand", "product", "confidence", "score", "count", "length", "path", "file", "filename", "repo", "repository",
    "url", "uri", "link",
})

_IDS = frozenset({"id", "ids", "uuid", "guid", "idx", "index", "key", "hash", "nr", "no", "rowid", "qid", "pid", "uid"})

_SPLITS = frozenset({
    "split", "fold", "subset", "partition", "set", "usage", "data_split", "dataset_split", "split_name", "phase",
    "part", "is_test", "is_train", "istest", "istrain", "train_test", "train_test_split", "data_type",
})

_ASIDE = frozenset({
    "timestamp", "created", "updated", "modified", "time", "seconds", "ms", "latency", "duration", "tokens", "votes",
    "helpfulness", "thumbs", "count", "numerator", "denominator", "retweet", "retweets", "likes", "upvotes",
    "downvotes", "cost",
})

_OF_ANSWERS = frozenset({
    "status", "agent", "annotator", "annotators", "confidence", "count", "length", "time", "date", "timestamp",
    "version", "user", "source", "type", "url", "link", "lang", "language", "start", "end", "offset", "tokens", "model",
})
"""Last words of names that tell of an answer how it came about, and not what it is."""

_RATERS = frozenset({
    "rater", "raters", "annotator", "annotators", "coder", "coders", "judge", "judges", "worker", "grader", "graders",
})
_SAID = frozenset({"comment", "comments", "note", "notes", "remark", "remarks", "feedback"})
_RATINGS = frozenset({"score", "rating", "ratings", "stars", "star", "overall"})
_TOPICS = frozenset({"category", "class", "topic"})
_WRITTEN = frozenset({"response", "completion", "output"})
_TITLES = frozenset({"summary", "title", "headline"})
_JUDGEMENTS = frozenset({"winner", "preference", "preferred", "better", "vote", "choice", "judgement", "judgment"})
_DERIVED = frozenset({"parse", "parses", "parsed", "toks", "embedding", "embeddings", "vector", "lemmas", "binary"})
_TESTS = frozenset({"test", "tests", "testcase", "testcases"})
_OF_THINGS = frozenset({
    "name", "names", "surname", "firstname", "lastname", "fullname", "person", "people", "passenger", "patient",
    "customer", "client", "employee", "student", "player", "driver", "owner", "author", "artist", "team", "company",
    "model", "make", "address", "street", "city", "town", "place", "location", "county", "state", "country", "ticket",
    "cabin", "phone", "dest", "destination",
})
_MOST_WORDS = 3
"""Words of a name that says what the field is; more are a question of a survey."""
# fmt: on

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")


def words_of(name: str) -> tuple[str, ...]:
    """The words of a field's name.

    >>> words_of("customerMessage"), words_of("Ticket ID"), words_of("sentence1")
    (('customer', 'message'), ('ticket', 'id'), ('sentence',))
    """
    return tuple(word.casefold() for word in _WORD.findall(name))


def is_solution(name: str) -> bool:
    """Whether a field holds worked solutions, which demonstrations show."""
    return name.strip().casefold() in _SOLUTIONS


def is_feedback(name: str) -> bool:
    """Whether a field that is no input holds what people said of answers."""
    return name.strip().casefold() in _FEEDBACK


def is_like_answer(name: str) -> bool:
    """Whether a field that is not the right answer says it all the same, by its name."""
    return len(name.split()) <= _MOST_WORDS and not _ANSWER_WORDS.isdisjoint(words_of(name))


def is_prediction(name: str) -> bool:
    """Whether a field says what a model answered, or an answer that was not wanted."""
    return not _PREDICTIONS.isdisjoint(words_of(name))


def is_usual_input(name: str) -> bool:
    """Whether a field's name is one of an input."""
    return name.strip().casefold() in _INPUTS | _ASKED_ELSEWHERE or (
        not _INPUTS.isdisjoint(words_of(name)) and not is_id(name)
    )


def is_metadata(name: str) -> bool:
    """Whether a field describes where a row comes from, more than what is asked."""
    return name.strip().casefold() in _METADATA_ELSEWHERE or not _METADATA.isdisjoint(words_of(name))


def is_aside(name: str) -> bool:
    """Whether a number or a date of this name tells how a row came about."""
    return name.startswith("_") or not _ASIDE.isdisjoint(words_of(name))


def is_rater(name: str) -> bool:
    """Whether a field holds what one of several people said."""
    return not _RATERS.isdisjoint(words_of(name))


def is_remark(name: str) -> bool:
    """Whether a field holds what one who judged a row said of it."""
    return is_rater(name) and not _SAID.isdisjoint(words_of(name))


def is_rating(name: str) -> bool:
    """Whether a field holds how good something was found."""
    return words_of(name)[-1:] != () and words_of(name)[-1] in _RATINGS


def is_topic(name: str) -> bool:
    """Whether a field may say what a row is about, beside an answer of its own."""
    return name.strip().casefold() in _TOPICS


def is_written(name: str) -> bool:
    """Whether a field holds what was written in answer to an instruction."""
    return name.strip().casefold() in _WRITTEN


def is_title(name: str) -> bool:
    """Whether a field may be the title of a longer text as well as the right answer."""
    return name.strip().casefold() in _TITLES


def is_name_of_thing(name: str) -> bool:
    """Whether a field says who or what a row is about by name, as `passenger` and `car name` do."""
    return not _OF_THINGS.isdisjoint(words_of(name))


def is_judgement(name: str) -> bool:
    """Whether a field says which of several texts is better."""
    return not _JUDGEMENTS.isdisjoint(words_of(name))


def is_derived(name: str) -> bool:
    """Whether a field holds what a tool made of a text, such as its parse."""
    words = words_of(name)
    return len(words) > 1 and words[-1] in _DERIVED


def is_test_of_code(name: str) -> bool:
    """Whether a field may hold what code has to pass."""
    words = words_of(name)
    is_named = not _TESTS.isdisjoint(words[-1:]) or (len(words) == len("ab") and words[0] in _TESTS)
    return is_named or {"input", "output"} <= set(words)


def is_id(name: str) -> bool:
    """Whether a field names rows, or what they belong to."""
    words = words_of(name)
    return bool(words) and (words[-1] in _IDS or (name.strip().casefold().endswith(("id", "_no")) and len(name) < 4))


def is_split(name: str) -> bool:
    """Whether a field may say which split a row is of."""
    return re.sub(r"[\W_]+", "_", name.strip().casefold()) in _SPLITS or words_of(name)[-1:] in (("split",), ("fold",))


def reference_rank(name: str) -> int | None:
    """How surely a field is the right answer by its name: 0 most surely; None: nothing says so."""
    plain = re.sub(r"[\s_-]+", "_", name.strip().casefold())
    if plain in REFERENCES:
        return REFERENCES.index(plain)
    if plain in _ELSEWHERE:
        return len(REFERENCES)
    words = words_of(name)
    is_told = len(words) > 1 and words[-1] in _OF_ANSWERS
    if not words or is_id(name) or is_told or len(name.split()) > _MOST_WORDS:
        return None
    ranks = [_REFERENCE_WORDS.index(word) for word in (words[-1], words[0]) if word in _REFERENCE_WORDS]
    return len(REFERENCES) + min(ranks) if ranks else None


def variables_for(fields: Iterable[str]) -> dict[str, str]:
    """A variable for each field, and the field: its own name where that can be one, else what is left of its letters.

    >>> variables_for(["Customer message", "text", "2nd", "instruction"])
    {'customer_message': 'Customer message', 'text': 'text', 'input_2nd': '2nd', 'instruction_text': 'instruction'}
    >>> variables_for(["inputs.question", "vars.question"])
    {'question': 'inputs.question', 'vars_question': 'vars.question'}
    """
    found: dict[str, str] = {}
    for field in fields:
        whole = _variable(field)
        # The last name of a path says enough, unless two paths end alike.
        names = chain([_variable(field.rpartition(".")[2]), whole], (f"{whole}_{number}" for number in count(2)))
        found[next(name for name in names if name not in found)] = field
    return found


def _variable(field: str) -> str:
    if field == INSTRUCTION:
        return f"{INSTRUCTION}_text"
    if VARIABLE.fullmatch(field):
        return field
    plain = unicodedata.normalize("NFKD", field).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not name or name == INSTRUCTION:
        return f"{name}_text" if name else "input"
    return name if name[0].isalpha() else f"input_{name}"
