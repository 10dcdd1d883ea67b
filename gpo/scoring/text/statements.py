r"""Where a text states its answer: JSON fields, boxes, tags, "the answer is", and lines such as `Verdict: no`.

A name such as `answer`, `label` or `reason` says how much what stands under it is worth.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from gpo.scoring.reading import UNCLEAR, Found, agreed
from gpo.scoring.text import languages
from gpo.scoring.text.clauses import LONGEST
from gpo.scoring.text.objects import are_beside, objects_in

Value = Callable[[str], Found]
"""What a piece of text is as an answer of a kind."""


class Worth(IntEnum):
    """What stands under a name."""

    ASIDE = 0
    """A reason, a question, a list of options: no answer."""
    FIELD = 1
    """Some field."""
    ANSWER = 2
    """A label, a verdict, a result."""
    FINAL = 3


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ASIDES = _set_of(
    """reason reasons reasoning rationale explanation explanations explain why because evidence justification note
    notes remark comment comments confidence probability prob certainty thought thoughts thinking step steps
    context question text input review passage claim premise hypothesis example examples options choices labels
    classes categories candidates possible alternatives alternative hint hints observation details detail pros
    cons positives negatives strengths weaknesses words word title source incorrect wrong rejected false summary
    quote disclaimer warning instruction instructions task prompt given facts fact background consider user
    human assistant begründung erklärung raison explication razón explicación motivo spiegazione explicação
    uitleg frage pregunta domanda pergunta vraag причина объяснение вопрос السبب السؤال कारण 理由 原因 解释 解釋
    説明 问题 問題 质问 質問 이유 설명 질문"""
)
_FINALS = _set_of(
    """answer answers final overall conclusion ans therefore antwort réponse respuesta risposta resposta antwoord
    svar odpowiedź cevap ответ jawaban endergebnis gesamt insgesamt fazit conclusión conclusione conclusão
    global الإجابة الجواب उत्तर 答案 答え 正解 回答 结论 結論 結論 답 정답 답변 결론 revised corrected updated"""
)
_ANSWERS = _set_of(
    """label class category classification sentiment verdict decision result results prediction predicted output
    response choice option rating score stars star grade severity priority risk level intent topic type tone
    polarity emotion stance judgment judgement assessment solution outcome value selection selected pick
    evaluation status relation relationship total sum correct right selected tag urgency language toxicity
    stimmung bewertung kategorie urteil ergebnis klasse sentimiento clasificación categoría etiqueta resultado
    sentimento classe catégorie étiquette résultat verdetto classificazione categoria risultato classificação
    oordeel uitkomst тональность категория метка вердикт результат класс nhãn kategori etiket duygu sonuç hasil
    التصنيف النتيجة 情感 情感倾向 标签 標籤 类别 類別 分类 分類 结果 結果 判断 判定 感情 评分 評価 감정 분류
    결과 판단 भावना वर्ग"""
)


def worth_of(name: str) -> Worth:
    """What stands under a name, going by its words.

    >>> worth_of("final_answer").name, worth_of("Sentiment analysis result").name, worth_of("Reason").name
    ('FINAL', 'ANSWER', 'ASIDE')
    """
    words = re.findall(r"[^\W_0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())
    if (
        not words
        or _ASIDES.intersection(words[-1:])
        or (_ASIDES.intersection(words[:1]) and words[-1] not in _ANSWERS | _FINALS)
    ):
        return Worth.ASIDE if words else Worth.FIELD
    if _FINALS.intersection(words):
        return Worth.FINAL
    return Worth.ANSWER if _ANSWERS.intersection(words) else Worth.FIELD


def best_of(found: Mapping[Worth, list[Found]]) -> Found:
    """What the worthiest fields say: the last final answer, else what all answers, else what all fields say."""
    if said := [each for each in found.get(Worth.FINAL, []) if each is not None]:
        return said[-1]
    for worth in (Worth.ANSWER, Worth.FIELD):
        if said := [each for each in found.get(worth, []) if each is not None]:
            return UNCLEAR if UNCLEAR in said else agreed([each for each in said if isinstance(each, str)])
    return None


def in_json(text: str, value: Value) -> Found:
    """What the last JSON object of a text says; `UNCLEAR` where the text is an object, and it says nothing."""
    found = objects_in(text)
    for at in range(len(found) - 1, -1, -1):
        item, before = found[at], found[max(0, at - 1)]
        if _NOT.search(text, 0, item.start):
            continue
        if isinstance(item.value, dict) and (said := _in_object(item.value, value)) is not None:
            if isinstance(before.value, dict) and are_beside(text, before, item):
                other = _in_object(before.value, value)
                # Objects that differ in more than the answer speak of different things.
                return said if other is None or _differences(before.value, item.value) > 1 else agreed_all(said, other)
            return said
    if len(found) == 1 and isinstance(found[0].value, dict) and found[0].is_all_of_text:
        return UNCLEAR
    return None


def agreed_all(*found: Found) -> Found:
    """What all say; `UNCLEAR` where one is."""
    return UNCLEAR if UNCLEAR in found else agreed([each for each in found if isinstance(each, str)])


def _differences(one: Mapping[str, object], other: Mapping[str, object]) -> int:
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


_NOT = re.compile(r"\bnot\s+$")


def _in_object(fields: Mapping[str, object], value: Value) -> Found:
    said: dict[Worth, list[Found]] = {}
    for name, content in fields.items():
        named = value(name)
        if named == "true" and (so := _TRUTH.get(str(content).casefold())):
            # `{"valid": "no"}`: what the name says is so or not.
            said.setdefault(Worth.ANSWER, []).append(so)
        if (worth := worth_of(name)) is Worth.ASIDE or named is not None:
            continue
        if isinstance(content, dict):
            said.setdefault(worth, []).append(_in_object(content, value))
        elif isinstance(content, list):
            said.setdefault(worth, []).append(value(_as_text(content[0])) if len(content) == 1 else None)
        elif content is not None:
            said.setdefault(worth, []).append(value(_as_text(content)))
    if len({re.sub(r"[\W\d_]", "", name).casefold() for name in fields if worth_of(name) is Worth.FINAL}) == 1:
        # `answer` and `answer_2`, and no `final_answer` among them.
        said[Worth.FINAL] = [agreed_all(*(each for each in said.get(Worth.FINAL, []) if each is not None))]
    return best_of(said)


_TRUTH = {"true": "true", "false": "false", "yes": "true", "no": "false"}


def _as_text(content: object) -> str:
    return str(content).lower() if isinstance(content, bool) else str(content)


_BOX = re.compile(r"\\(?:boxed|fbox)\s?\{|<\|begin_of_box\|>")
_BOX_OR_BRACKETS = re.compile(rf"{_BOX.pattern}|\[\[(?=\s*[^\W_][^\[\]\n,]{{0,40}}\]\])")


def boxed(text: str, *, brackets: bool = False) -> str | None:
    r"""What stands in the last box, or in both of two beside each other; None where there is none.

    Args:
        text: a text.
        brackets: whether `[[B]]` is a box, as verdicts of judges are.

    >>> boxed(r"So \boxed{\frac{1}{2}} it is.")
    '\\frac{1}{2}'
    """
    boxes = list((_BOX_OR_BRACKETS if brackets else _BOX).finditer(text))
    if not boxes:
        return None
    content = text[boxes[-1].end() : _end_of(text, boxes[-1])].strip()
    if len(boxes) > 1 and _BESIDE.fullmatch(text, end := _end_of(text, boxes[-2]), boxes[-1].start()):
        return f"{text[boxes[-2].end() : end].strip()} or {content}"
    return content


_CLOSES = {"<": "<|end_of_box|>", "[": "]]"}
_BESIDE = re.compile(r"[}\s$]*(?:,|;|or|and|oder|und|ou|et|\\text\s?\{\s*(?:or|and)\s*\})[\s$]*|[}$ \t]+")


def _end_of(text: str, box: re.Match[str]) -> int:
    """Where the content of a box ends."""
    if closes := _CLOSES.get(box[0][0]):
        end = text.find(closes, box.end())
        return end if end >= 0 else len(text)
    depth = 0
    for brace in _BRACE.finditer(text, box.end()):
        depth += 1 if brace[0] == "{" else -1
        if depth < 0:
            return brace.start()
    line_end = text.find("\n", box.end())
    return line_end if line_end >= 0 else len(text)


_BRACE = re.compile(r"(?<!\\)[{}]")


def boxed_words(text: str) -> str | None:
    r"""What stands in the last box, without the `\text{}` around words; None where there is no box.

    >>> boxed_words(r"\boxed{\text{yes}}")
    'yes'
    """
    content = boxed(text)
    return None if content is None else re.sub(r"\\text\{([^{}]*)\}", r"\1", content)


_TAG = re.compile(r"<(?P<name>[A-Za-z_][\w-]{0,30})>(?P<content>[^<]{0,2000})(?:</(?P=name)\s?>|$)")


def in_tags(text: str, value: Value) -> Found:
    """What `<answer>...</answer>` and other tags say."""
    said: dict[Worth, list[Found]] = {}
    for tag in _TAG.finditer(text):
        if (worth := worth_of(tag["name"])) is not Worth.ASIDE:
            said.setdefault(worth, []).append(value(tag["content"].strip()))
    return best_of(said)


_GAP = r"(?:\s(?:to|for|of|in|here|choice|option|number|given|below|above|is given as)(?:\s[\w'\u2019-]{1,24}){0,8}?)?"
_ENGLISH = r"(?<!\w)(?:answers?|ans)(?!\w)"
_NOT_A = r"(?:not|no|ne|n|non|nicht|kein|keine|não|niet|nie|inte|не|ليست?)\b"
_MARKS = r"[\"'*_`\u201d]{0,3}"
_NOUN, _END = rf"(?:{languages.ANSWER_NOUN})", r"(?:[ \t:=]|\*\*(?=\s)|__(?=\s)|\*(?=\s))*"
_ASIDE = rf"(?:\s?\([^()\n]{{1,20}}\))?\s?{_MARKS}"
_STATEMENTS = (
    rf"{_ENGLISH}{_MARKS}{_GAP}\s?{_MARKS}{_ASIDE}{languages.COPULA}{languages.SURELY}{_END}",
    rf"{_NOUN}{_MARKS}(?:\s(?!{_NOT_A})[^\W\d]{{1,20}}){{0,3}}?\s?{languages.COPULA}(?!\s{_NOT_A}){_END}",
    rf"{_NOUN}(?<!answer)(?<!answers)(?<!ans)(?<!solution)[ \t:*_]+",
    r"\[(?:final )?(?:answer|result|verdict|score|output)\][ \t:*]*(?=\S)",
    r"^[#*_\s]{0,8}(?:(?:final|correct|the|my|best)\s)*(?:answer|solution)[*_:\s]{0,4}\n\s*",
)
STATED = re.compile("|".join(_STATEMENTS), re.IGNORECASE | re.MULTILINE)
"""Marks of an answer: "the answer is", "Answer:", a heading."""


_STEPS = re.compile(r"1[.)]\s+\S[^\n]*\n(?:[^\n]*\n){0,6}?\s*2[.)]\s")
"""A numbered list of two steps or more, under a heading such as "Here is the solution:"."""
_WOULD_BE = re.compile(r"\b(?:would|could|might) be\b|wäre|serait|sería|sarebbe|seria", re.IGNORECASE)
_CONDITION = re.compile(
    r"^[^.;]*\b(?:if(?! i (?:had|have|were|must)\b)(?! you\b)|unless|provided that|had (?:he|she|it|they)|wenn|falls|"
    r"si|se)\b",
    re.IGNORECASE,
)
"""What makes "the answer would be 5" a supposition; "if I had to choose" does not."""


TWO_CASES = re.compile(r"\bif\b.*\b(?:otherwise|else)\b", re.IGNORECASE)
"""What makes an answer depend on something: `A if it rains, otherwise B`."""


class Statement(NamedTuple):
    """What follows "the answer is" on its line, and where; `beside`: what stands between it and the one before."""

    value: str
    start: int
    end: int
    beside: str = ""


def stated(text: str) -> Iterator[Statement]:
    """What follows each "the answer is" and the like, up to the next one or the end of the line; the last one first."""
    end = len(text)
    marks = list(STATED.finditer(text))
    for at in range(len(marks) - 1, -1, -1):
        found = marks[at]
        part = text[found.end() : min(end, found.end() + LONGEST)]
        end = found.start()
        line = part.lstrip().partition("\n")[0].strip()
        opens_steps = "\n" in found[0] + part[: len(part) - len(part.lstrip())] and _STEPS.match(part.lstrip())
        if _ANOTHER.search(text, max(0, found.start() - 12), found.start()):
            continue
        is_supposed = _WOULD_BE.search(found[0]) and _CONDITION.search(line)
        if line.strip(" *_:`$") and not opens_steps and not is_supposed:
            before = text[marks[at - 1].end() : found.start()][:LONGEST] if at else ""
            yield Statement(line, found.start(), found.end(), _ARTICLE.sub("", before).strip())


_ANOTHER = re.compile(r"\b(?:long(?:er)?|wrong|incorrect|previous|initial|old)\s+$", re.IGNORECASE)
"""Of a "long answer" the short one counts; a wrong one is none."""
_ARTICLE = re.compile(r"(?:^|(?<=\s))(?:so )?(?:the|my)\s*$|[\s*_#]+$", re.IGNORECASE)


_FIELD = re.compile(
    r"""^[\s>#*_+\u2022-]{0,8}(?:[0-9]{1,2}[.)]\s)?(?:\|\s*)?(?P<name>[^:\uff1a|\n=]{1,120}?)[\s*_`"]{0,4}(?:[:\uff1a]|=(?![=>])|[=-]>|\u2192|\|(?=[^|\n]+\|?\s*$))[\s*_`"]{0,4}
    (?P<value>[^|\n]+?)\s*\|?\s*$""",
    re.VERBOSE,
)


def field_of(line: str) -> tuple[str, str] | None:
    """The name and the value of a line such as `Verdict: no` or `| Verdict | no |`; None where it is none.

    >>> field_of("- **Verdict:** no"), field_of("It was late.")
    (('Verdict', 'no'), None)
    """
    found = _FIELD.match(line)
    return (found["name"].strip(" *_`\"'"), found["value"].strip()) if found else None
