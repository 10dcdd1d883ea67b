"""Which of a few phrases a text states: labels, yes and no, or the texts of listed options.

`RULES` are in order of trust. A rule that finds two answers ends the search: then the text is unread.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from gpo.scoring.reading import UNCLEAR, Found, Rule, agreed, read_by
from gpo.scoring.text import languages, statements
from gpo.scoring.text.clauses import LONGEST, Sentence, first_sentence, sentences
from gpo.scoring.text.mentions import Role, Said, are_side_by_side, said_in
from gpo.scoring.text.numbers import plain_numbers, rated_in_digits
from gpo.scoring.text.phrases import LONGEST_LABEL, Phrases
from gpo.scoring.text.plain import plain_text
from gpo.scoring.text.statements import Worth, field_of, worth_of


class Text:
    """A text in which one of some phrases is looked for, in the forms in which the rules look at it."""

    def __init__(self, raw: str, phrases: Phrases, *, cut: bool = False, without: Collection[str] = ()) -> None:
        """Take a text without hidden reasoning; `cut`: the token limit ended it."""
        self.raw, self.phrases, self.cut, self.without = plain_text(raw), phrases, cut, without

    @cached_property
    def plain(self) -> str:
        """The text without Markdown and LaTeX."""
        text = _unmarked(self.raw, self.phrases)
        return "\n".join(_after_list(line, self.phrases) for line in text.splitlines())

    @cached_property
    def lines(self) -> list[str]:
        """Lines that are not blank; of a long one, its beginning."""
        return [line.strip()[:LONGEST] for line in self.plain.splitlines() if line.strip()]

    @cached_property
    def sentences(self) -> list[Sentence]:
        """Sentences before an explanation begins; all where one opens the text. Of a cut text, the last one is none."""
        found = sentences(self.plain)
        return found[:-1] if self.cut else found

    @cached_property
    def body(self) -> list[tuple[Sentence, list[Said]]]:
        """The sentences that are no question, courtesy, list of the options or explanation, and what they say."""
        listed = _listed_lines(self.lines, self.phrases)
        found = []
        for sentence in self.sentences:
            if found and _EXPLAINS.match(sentence.text) and any(said.states for _, each in found for said in each):
                break
            if sentence.asks or _COURTESY.search(sentence.text) or sentence.line in listed:
                continue
            if _is_aside(sentence.text, self.phrases):
                continue
            found.append((sentence, said_in(sentence.text, self.phrases)))
        return found

    def part(self, raw: str) -> "Text":
        """A part of the text as a text of its own."""
        return Text(raw, self.phrases, cut=self.cut, without=self.without)

    def value(self, content: str) -> Found:
        """The phrase that a piece of text is, or states alone."""
        if whole := self.phrases.whole(content):
            return whole.meaning
        content = _unmarked(content, self.phrases)
        return _stated_by(content, said_in(content, self.phrases))

    def leading(self, content: str) -> Found:
        """The phrase that a piece of text begins with and ends there, as in `No (see below)`."""
        if whole := self.phrases.whole(content):
            return whole.meaning
        content = _OPENING_MARKS.sub("", _unmarked(content, self.phrases))
        return _leading(content, said_in(content, self.phrases))


_EMPHASIS = re.compile(r"\*{1,3}(?=\S)|(?<=\S)\*{1,3}|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)|`+|~~")
_LATEX = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|boxed)\s?\{([^{}]*)\}|\\[()\[\]]|\$(?=[^\s0-9])|(?<=[^\s0-9])\$")
_FENCE = re.compile(r"^[ \t]*`{3,}\w*[ \t]*$", re.MULTILINE)
_OPENING_MARKS = re.compile(r"^[\s\"'\u201c\u2018#>*_-]+(?![0-9])|^[\s\"'\u201c\u2018#>*_]+")


def _unmarked(text: str, phrases: Phrases) -> str:
    text = _LATEX.sub(lambda match: match[1] or "", _FENCE.sub("", text))
    if not any(mark in form for form in phrases.forms for mark in "*`~"):
        text = _EMPHASIS.sub("", text)
    return rated_in_digits(plain_numbers(text)) if phrases.numbers else text




def _after_list(line: str, phrases: Phrases) -> str:
    """A line without the list of all phrases that it begins with, as in `yes/no: no`."""
    found = phrases.find(line[:LONGEST_LABEL])
    meanings = set(phrases.meanings)
    for count in range(2, len(found) + 1):
        if meanings <= {each.meaning for each in found[:count]}:
            before = _without_phrases(line[: found[count - 1].end], phrases)
            after = re.match(r"[)\]\"']*\s*[:?\uff1a\uff1f]\s*(?=\S)", line[found[count - 1].end :])
            return line[found[count - 1].end + after.end() :] if after and not re.search(r"[^\W\d]{4,}|[:.]", before) else line
    return line


_EXPLAINS = re.compile(
    r"[\s#*(]*(?:explanation|reason(?:ing|s)?|rationale|note|evidence|justification|why|p\.?s\.?|disclaimer|confidence|here(?:'s| is) why|erkl\u00e4rung|"
    r"begr\u00fcndung|explication|explicaci\u00f3n|spiegazione|\u7406\u7531|\u89e3\u91ca|\u89e3\u91cb|\u8aac\u660e)\b\s*[:\uff1a.]?",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"\b(?:let me know|i hope (?:this|that|it)|hope (?:this|that) helps|feel free|happy to (?:help|explain)|if you(?:'d| would| have| need| want)|do you want|as an ai\b|"
    r"please (?:let|provide|note|classify|choose|answer|respond)|choose (?:from|between|one)|(?:possible|available|allowed) (?:labels|options|answers|choices)|"
    r"(?:options|labels|choices|categories|classes) (?:are|were|include)|one of the following)\b",
    re.IGNORECASE,
)


def _is_aside(sentence: str, phrases: Phrases) -> bool:
    """Whether a sentence is a field such as `Evidence: ...`."""
    field = field_of(sentence)
    return (
        field is not None
        and len(field[0].split()) <= 4
        and worth_of(field[0]) is Worth.ASIDE
        and not phrases.find(field[0])
    )


def _states(said: Sequence[Said]) -> list[Said]:
    return [each for each in said if each.states]


def _stated_by(content: str, said: Sequence[Said]) -> Found:
    """What a statement says: its last conclusion, else its first clause that says something."""
    asserted = _states(said)
    if not asserted:
        return None
    concluded = [each for each in asserted if each.clause.concludes]
    chosen = concluded or asserted
    first = [each for each in chosen if each.clause.start == (chosen[-1] if concluded else chosen[0]).clause.start]
    found = _unless_none(first)
    if found is UNCLEAR or concluded:
        return found
    # "A, C": the next label follows at once.
    beside = [each for each in chosen if each.clause.start == first[-1].clause.end and are_side_by_side(content, first[-1], each)]
    return _unless_none([*first, *beside])


_HEDGES = re.compile(r"\b(?:at first|initially|seem\w*|look\w*|appear\w*|sound\w*|some|might|may|could|would|one could)\b", re.IGNORECASE)
_SUBJECT = re.compile(
    r"\b(?:argument|statement|claim|sentence|inference|conclusion|answer|sentiment|review|overall|tone|whole|text|message|verdict|turns out|actually|really)\b", re.IGNORECASE
)


def _agreed_by(content: str, said: Sequence[Said]) -> Found:
    """What all clauses of a sentence say; else what its conclusion, its main subject or its unhedged clauses say."""
    asserted = _states(said)
    if not asserted:
        return None
    if any(each.clause.concludes for each in asserted):
        return _stated_by(content, said)
    clause = {each: content[each.clause.start : each.clause.end] for each in asserted}
    for chosen in (
        asserted,
        [each for each in asserted if not _HEDGES.search(clause[each])],
        [each for each in asserted if _SUBJECT.search(clause[each])],
    ):
        if isinstance(found := _unless_none(chosen), str):
            return found
    return UNCLEAR


def _unless_none(said: Sequence[Said]) -> Found:
    """What all say; `UNCLEAR` where one names a number that is no label."""
    meanings = [each.meaning for each in said]
    if None in meanings:
        return UNCLEAR
    return agreed([meaning for meaning in meanings if meaning is not None])


_ENDS_ANSWER = re.compile(
    rf"[)\]}}\"'\u201d\u2019\u300d*_`]*\s*(?:$|[.;:!,\u3002\uff0c\uff01\uff1b\uff1a\u0964\u060c(\[/\n]|[-\u2013\u2014]{{1,2}}\s|\u2014|=>|->|(?:{languages.REASON}|{languages.SO}|{languages.BUT}|as|with|overall|\uff08))",
    re.IGNORECASE,
)


def _leading(content: str, said: Sequence[Said]) -> Found:
    if not said or content[: said[0].start].strip("([{<\"'\u201c\u300c \t"):
        return None
    first = said[0]
    if not first.states:
        return None
    if _has_rival(content, said):
        return UNCLEAR
    ends = _ENDS_ANSWER.match(content, first.end)
    if first.role is Role.APPROVED or ends:
        return _unless_none([first])
    return None


def _has_rival(content: str, said: Sequence[Said]) -> bool:
    """Whether another phrase stands beside the first one as its equal."""
    return (
        len(said) > 1
        and said[0].states
        and said[1].states
        and said[0].meaning != said[1].meaning
        and are_side_by_side(content, said[0], said[1])
    )


def _whole(text: Text) -> Found:
    found = text.phrases.whole(text.raw)
    return found.meaning if found else None


def _completed(text: Text) -> Found:
    """A text that the token limit cut within a label, as the only label that begins so."""
    begun = text.plain.strip().casefold()
    if not text.cut or not begun:
        return None
    found = {phrase.meaning for form, phrase in text.phrases.forms.items() if form.startswith(begun)}
    return found.pop() if len(found) == 1 else None


def _json(text: Text) -> Found:
    return statements.in_json(text.raw, text.value)


def _boxed(text: Text) -> Found:
    content = statements.boxed(text.raw)
    return None if content is None else text.value(content)


def _tagged(text: Text) -> Found:
    return statements.in_tags(text.raw, text.value)


def _corrected(text: Text) -> Found:
    """What the text says after it took back what it had said."""
    marks = list(_CORRECTION.finditer(text.plain))
    if not any(phrase.is_particle for phrase in text.phrases.forms.values()):
        marks = sorted([*marks, *_NO.finditer(text.plain)], key=lambda mark: mark.start())
    for mark in marks[: -_CORRECTIONS - 1 : -1]:
        head, tail = text.plain[: mark.start()], text.plain[mark.end() :]
        if not _names_a_phrase(tail, text.phrases):
            if _DOUBTS.match(mark[0]) and not _CONFIRMS.search(tail) and _reads(text, head):
                return UNCLEAR
            continue
        if not _reads(text, head):
            return None
        # No later mark takes back what the tail says.
        tail = tail.lstrip(" ,.:!-\u2026\u2014")
        return read_by(RULES, text.part(tail), {*text.without, "corrected"}).answer or UNCLEAR
    return None


_NO = re.compile(r"(?<=[.!?\n] )(?:no|nope|nein|non|nee)[,.:]\s", re.IGNORECASE)
_CORRECTIONS = 4
"""How many of the last ones are looked at."""
_CORRECTION = re.compile(languages.CORRECTS, re.IGNORECASE)
_DOUBTS = re.compile(r"wait|h(?:m)+|hold|hang|scratch|oops|correction|that|this|i |my |let|no,|\u7b49", re.IGNORECASE)
_CONFIRMS = re.compile(r"\b(?:yes|correct|right|still|stands|confirmed?|indeed|unchanged|as before|holds)\b", re.IGNORECASE)


def _reads(text: Text, head: str) -> bool:
    return bool(head.strip()) and read_by(RULES, text.part(head), {*text.without, "corrected"}).answer is not None


def _names_a_phrase(text: str, phrases: Phrases) -> bool:
    return any(said.role is not Role.MENTIONED for sentence in sentences(text) for said in said_in(sentence.text, phrases))


def _answer(text: Text) -> Found:
    """What follows the last "the answer is" that says something."""
    for statement in statements.stated(text.plain):
        if _QUESTION.search(statement.value):
            continue
        first = first_sentence(statement.value)
        after_marks = first.rpartition("=")[2] if "=" in first else first
        head = _MARKED_LABEL.match(statement.value)
        if head and (phrase := text.phrases.whole(head[0])) and _TITLED.match(statement.value, head.end()):
            return phrase.meaning
        if whole := text.phrases.whole(after_marks):
            return whole.meaning
        if (found := _stated_by(after_marks, said_in(after_marks, text.phrases))) is not None:
            return found
        rest = said_in(statement.value, text.phrases)
        if not rest and (heading := text.phrases.whole(statement.value)):
            return heading.meaning
    return None


_QUESTION = re.compile(r"^[^.!]{0,40}[?\uff1f]")


def _field(text: Text) -> Found:
    """What lines such as `Verdict: no` say."""
    said: dict[Worth, list[Found]] = {}
    for sentence in text.sentences:
        field = field_of(sentence.text)
        if field is None or sentence.asks or text.phrases.find(_BRACKETED.sub("", field[0])):
            continue
        if (worth := worth_of(field[0])) is not Worth.ASIDE:
            said.setdefault(worth, []).append(text.leading(field[1]))
    return statements.best_of(said)


_BRACKETED = re.compile(r"\([^()]*\)")
_VERDICT = re.compile(
    r"^\W*(?:(?:this|it|that)(?: one| option| answer| statement| choice)?\s+|(?:option|choice|answer|statement)\s+)?(?:is\s+)?(?P<first>(?:not\s+)?(?:the\s+)?(?:in)?correct|right|wrong|true|false|\u2713|\u2714|\u2705|\u2717|\u2718|\u274c)(?!\w)"
    r"|(?P<last>(?:[(\[\u2013\u2014:]|\s-)\s*(?:in)?correct(?: answer)?|(?:[(\[\u2013\u2014:]|\s-)\s*(?:wrong|right|false|true)|\u2713|\u2714|\u2705|\u2717|\u2718|\u274c)\W*$",
    re.IGNORECASE,
)
_WRONG = re.compile(r"not|incorrect|wrong|false|[\u2717\u2718\u274c]", re.IGNORECASE)


def _judged(text: Text) -> Found:
    """The one option that is called right where each is judged on a line of its own."""
    right, judged = [], set()
    for line in text.lines:
        head = next(_numbered_heads([line], text.phrases), None)
        if head is None:
            continue
        rest = _AFTER_HEAD.sub("", line)
        if verdict := _VERDICT.search(rest):
            judged.add(head[1])
            if not _WRONG.search(verdict["first"] or verdict["last"]):
                right.append(head[1])
    if len(judged) < 2 and len(right) < len(judged) or not right:
        return None
    return agreed(right)


_AFTER_HEAD = re.compile(r"^[\s>*+\u2022-]*(?:option\s+)?[(\[]?\w{1,12}[)\]]?", re.IGNORECASE)


def _alone(text: Text) -> Found:
    """A phrase that is the whole first or last line."""
    if not text.lines:
        return None
    ends = [text.lines[0]] if text.cut else [text.lines[0], text.lines[-1]]
    found = [phrase.meaning for line in ends if (phrase := text.phrases.whole(_OPENING_MARKS.sub("", line)))]
    return agreed(found)


def _opening(text: Text) -> Found:
    """A phrase that opens the text and ends there, or a listed label with its text: `Yes, because ...`, `(B) Rome`."""
    if not text.lines or (text.sentences and text.sentences[0].asks):
        return None
    line = _OPENING_MARKS.sub("", text.lines[0])
    if _goes_through(text):
        return None
    if _are_headings(text):
        return UNCLEAR
    head = _MARKED_LABEL.match(line)
    if head and (phrase := text.phrases.whole(head[0])):
        first = said_in(line[: head.end() + 1], text.phrases)
        role = said_in(line, text.phrases)[0].role if first else Role.MENTIONED
        if _has_rival(line, said_in(line, text.phrases)):
            return UNCLEAR
        if role is not Role.DENIED and not (role is Role.MENTIONED and not _TITLED.match(line, head.end())):
            return phrase.meaning
    sentence = next(iter(sentences(line)), None)
    return None if sentence is None else _leading(sentence.text, said_in(sentence.text, text.phrases))


_TITLED = re.compile(r"\s*[A-Z0-9\"\u201c]")
_MARKED_LABEL = re.compile(r"[(\[]\w[)\]]|\w[).:](?=\s)")


def _are_headings(text: Text) -> bool:
    """Whether sentences begin with different labels of several letters: `Positive: the food. Negative: the service.`"""
    named = {
        found[0].meaning
        for sentence in text.sentences
        if (found := text.phrases.find(sentence.text)) and found[0].start == 0 and found[0].end > 1 and sentence.text[found[0].end :].lstrip().startswith(":")
    }
    return len(named) > 1


def _goes_through(text: Text) -> bool:
    """Whether the lines list the options one after the other: then the first one is no answer."""
    heads = _heads(text.lines, text.phrases)
    order = text.phrases.meanings
    if len(heads) < 2:
        return False
    following = order.index(heads[0]) + 1
    return following < len(order) and heads[1] == order[following]


def _heads(lines: Sequence[str], phrases: Phrases) -> list[str]:
    """The labels that begin lines, as in `A) Paris`."""
    return [head for _, head in _numbered_heads(lines, phrases)]


def _numbered_heads(lines: Sequence[str], phrases: Phrases) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines):
        match = re.match(
            r"[\s>*+\u2022-]*(?:option\s+)?[(\[]?(\w{1,12})(?:[)\]]|(?=\s*(?:[.:)\u2013\u2014\u2713\u2714\u2705\u2717\u2718\u274c-]|is\b)))", line, re.IGNORECASE
        )
        if match and (phrase := phrases.whole(match[1])) and len(match[1]) <= 2:
            yield number, phrase.meaning


def _listed_lines(lines: Sequence[str], phrases: Phrases) -> set[int]:
    """The lines that list the options in order, from the first of them on: what they name is not stated."""
    order = phrases.meanings
    heads = list(_numbered_heads(lines, phrases))
    run: list[int] = []
    found: set[int] = set()
    for number, head in heads:
        if head == order[len(run) % len(order)] and (not run or number - run[-1] <= 2):
            run.append(number)
        else:
            run = [number] if head == order[0] else []
        if len(run) == len(order):
            found.update(run)
            run = []
    return found


def _equated(text: Text) -> Found:
    """What an expression of phrases comes to: `not True or False is False`."""
    for sentence in reversed([] if text.cut else text.sentences[-2:]):
        sides = re.split(r"(?:\s+(?:is|equals|evaluates to|gives)\s+|\s*(?<!=)=(?!=)\s*)", sentence.text)
        phrase = text.phrases.whole(sides[-1])
        if phrase and len(sides) > 1 and not re.search(r"[^\W\d]", _OPERATOR.sub("", _without_phrases(sides[-2], text.phrases))):
            return phrase.meaning
    return None


_OPERATOR = re.compile(r"\b(?:and|or|not|xor|so|therefore|thus|hence|we have)\b", re.IGNORECASE)


def _without_phrases(text: str, phrases: Phrases) -> str:
    found = phrases.find(text)
    if not found:
        return text
    kept = [text[one.end : other.start] for one, other in zip(found, found[1:], strict=False)]
    return " ".join([text[: found[0].start], *kept, text[found[-1].end :]])


def _approved(text: Text) -> Found:
    """What is called right: `B is correct`."""
    found = [said for _, each in text.body for said in each if said.role is Role.APPROVED]
    return _unless_none(found[-1:]) if len({said.meaning for said in found}) < 2 else UNCLEAR


def _bold(text: Text) -> Found:
    """A phrase in bold."""
    if text.cut:
        return None
    found = [phrase.meaning for bold in _BOLD.findall(text.raw) if (phrase := text.phrases.whole(bold))]
    stated = {said.meaning for _, each in text.body for said in each if said.states}
    return found[0] if len(set(found)) == 1 and found[0] in stated else None


_BOLD = re.compile(r"\*\*([^*\n]{1,60})\*\*")


def _concluded(text: Text) -> Found:
    """What the last conclusion says: "so it is", "overall", "I would say"."""
    following: Sentence | None = None
    for sentence, said in reversed(text.body):
        cues = list(_CONCLUDES.finditer(sentence.text))
        after, following = following, sentence
        if not cues:
            continue
        if sentence.text.endswith(":") and not said and after is not None:
            # "So the one that fits best is:", and the label on the next line.
            head = _MARKED_LABEL.match(after.text)
            if head and (phrase := text.phrases.whole(head[0])):
                return phrase.meaning
            if (found := text.leading(after.text)) is not None:
                return found
        last = [each for each in _states(said) if each.start >= cues[-1].end()]
        if last:
            return _stated_by(sentence.text, last)
        if (found := _agreed_by(sentence.text, said)) is not None:
            return found
    return None


_CONCLUDES = re.compile(
    rf"""(?:{languages.SO.replace(" ", "[ ]")})
    | \b(?:overall|in[ ](?:conclusion|summary|short|total|sum)|to[ ](?:conclude|summari[sz]e|sum[ ]up)|conclud\w+|ultimately|in[ ]the[ ]end|all[ ]in[ ]all|on[ ]balance|altogether
    | must[ ]be|(?:i|we)(?:['\u2019]d|['\u2019]ll|[ ]would|[ ]will)?[ ](?:say|go[ ](?:with|for)|choose|pick|select|opt[ ]for|take|label|classify|categori[sz]e|rate|call|give|guess|lean|vote|conclude)
    | my[ ](?:choice|pick|guess|vote|verdict|rating)|leaves|leaving|refer(?:s|red|ring)?[ ]to|classified|categori[sz]ed|labell?ed|rated
    | evaluates?[ ]to|simplif\w+[ ]to|reduces[ ]to|verdict|conclusion|final|insgesamt|gesamt|globalement|en[ ]conclusion|en[ ]general|nel[ ]complesso|no[ ]geral|\u0432[ ]\u0446\u0435\u043b\u043e\u043c)\b
    | \b(?:correct|right|best|final|closest|likely|proper|appropriate|suitable|similar|accurate|sarcastic|dominant|main)(?:[ ][\w'-]{{1,20}}){{0,5}}[ ](?:is|was|are|would[ ]be|should[ ]be|must[ ]be|seems[ ]to[ ]be)\b
    | \u603b\u4f53|\u7e3d\u9ad4|\u6574\u4f53|\u5168\u4f53\u7684\u306b|\uc804\ubc18\uc801\uc73c\ub85c""",
    re.IGNORECASE | re.VERBOSE,
)


def _declared(text: Text) -> Found:
    """What the first sentence of a cut text says, where it ends in a phrase: `The sentence is plausible.`"""
    if not text.cut or not text.body:
        return None
    sentence, said = text.body[0]
    last = _states(said)[-1:]
    step = re.match(r"first|let|to |step|now |we |[0-9]", sentence.text, re.IGNORECASE)
    if not last or step or sentence.text[last[0].end :].strip(" .!*`\"'") or not re.search(r"\b(?:is|are|was|were)\s+[\"'(]*$", sentence.text[: last[0].start]):
        return None
    return _unless_none(last)


def _only(text: Text) -> Found:
    """The one phrase that the text asserts, wherever it does so."""
    if text.cut:
        return None
    found: list[Found] = [_agreed_by(sentence.text, said) for sentence, said in text.body if _states(said)]
    if UNCLEAR in found:
        return UNCLEAR
    return agreed([each for each in found if isinstance(each, str)])


RULES: tuple[Rule[Text], ...] = (
    Rule("whole", _whole),
    Rule("completed", _completed),
    Rule("json", _json),
    Rule("boxed", _boxed),
    Rule("tag", _tagged),
    Rule("judged", _judged),
    Rule("corrected", _corrected),
    Rule("answer", _answer),
    Rule("field", _field),
    Rule("alone", _alone),
    Rule("equated", _equated),
    Rule("approved", _approved),
    Rule("opening", _opening),
    Rule("bold", _bold),
    Rule("declared", _declared),
    Rule("concluded", _concluded),
    Rule("only", _only, weak=True),
)
