"""Which of a few phrases a text states: labels, yes and no, or the texts of listed options.

`RULES` are in order of trust. A rule that finds two answers ends the search: then the text is unread.
"""

import re

from gpo.scoring.reading import UNCLEAR, Found, Rule, read_by
from gpo.scoring.rules.choice_lines import MARKED_LABEL, TITLED, alone, field, judged, opening, ticked
from gpo.scoring.rules.choice_text import ChoiceText, without_phrases
from gpo.scoring.rules.corrections import contradicted, corrected, marks_in
from gpo.scoring.rules.mentioned import only
from gpo.scoring.rules.sayings import HEDGES, agreed_by, stated_by, states, unless_none
from gpo.scoring.text import languages, statements
from gpo.scoring.text.clauses import Sentence, begins_a_step, first_sentence, heads_an_item, is_on_the_way, sentences
from gpo.scoring.text.mentions import said_in
from gpo.scoring.text.phrases import Phrases
from gpo.scoring.text.roles import Role, SaidOf


def _whole(text: ChoiceText) -> Found:
    found = text.phrases.whole(text.raw)
    return found.meaning if found else None


def _completed(text: ChoiceText) -> Found:
    """A text that the token limit cut within a label, as the only label that begins so."""
    begun = text.plain.strip().casefold()
    if not text.cut or not begun:
        return None
    found = {phrase.meaning for form, phrase in text.phrases.forms.items() if form.startswith(begun)}
    return found.pop() if len(found) == 1 else None


def _json(text: ChoiceText) -> Found:
    return statements.in_json(text.raw, text.value)


def _boxed(text: ChoiceText) -> Found:
    content = statements.boxed(text.raw, brackets=True)
    return None if content is None else text.value(content)


def _tagged(text: ChoiceText) -> Found:
    return statements.in_tags(text.raw, text.value)


def _corrected(text: ChoiceText) -> Found:
    """What the text says after it took back what it had said."""

    def read(part: str) -> str | None:
        return read_by(RULES, text.part(part), {*text.without, "corrected"}).answer

    says_no = any(phrase.is_particle for phrase in text.phrases.forms.values())
    return corrected(
        text.plain,
        marks_in(text.plain, no_corrects=not says_no),
        names=lambda part: _names_a_phrase(part, text.phrases),
        reads=lambda part: read(part) is not None,
        read=read,
    )


def _names_a_phrase(text: str, phrases: Phrases) -> bool:
    return any(
        said.role is not Role.MENTIONED for sentence in sentences(text) for said in said_in(sentence.text, phrases)
    )


def _contradicted(text: ChoiceText) -> Found:
    """Nothing, where the text denies what it has stated."""
    without = {*text.without, "corrected", "contradicted"}
    return contradicted(
        text.begun,
        text.phrases,
        lambda part: read_by(RULES, ChoiceText(part, text.phrases, without=without), without).answer,
    )


def _answer(text: ChoiceText) -> Found:
    """What follows the last "the answer is" that says something."""
    for statement in statements.stated(text.plain):
        if _QUESTION.search(statement.value):
            continue
        if len({each.meaning for each in text.phrases.find(statement.value)}) > 1 and statements.TWO_CASES.search(
            statement.value
        ):
            return UNCLEAR
        first = first_sentence(statement.value)
        after_marks = first.rpartition("=")[2] if "=" in first else first
        head = MARKED_LABEL.match(statement.value)
        if head and (phrase := text.phrases.whole(head[0])) and TITLED.match(statement.value, head.end()):
            return phrase.meaning
        if whole := text.phrases.whole(after_marks):
            rival = text.phrases.whole(statement.beside)
            return UNCLEAR if rival and rival.meaning != whole.meaning else whole.meaning
        if (found := stated_by(after_marks, said_in(after_marks, text.phrases))) is not None:
            return found
        rest = said_in(statement.value, text.phrases)
        if not rest and (heading := text.phrases.whole(statement.value)):
            return heading.meaning
    return None


_QUESTION = re.compile(r"^[^.!]{0,40}[?\uff1f]")


def _equated(text: ChoiceText) -> Found:
    """What an expression of phrases comes to: `not True or False is False`."""
    for sentence in reversed([] if text.cut else text.sentences[-2:]):
        sides = re.split(r"(?:\s+(?:is|equals|evaluates to|gives)\s+|\s*(?<!=)=(?!=)\s*)", sentence.text)
        phrase = text.phrases.whole(sides[-1])
        if (
            phrase
            and len(sides) > 1
            and not re.search(r"[^\W\d]", _OPERATOR.sub("", without_phrases(sides[-2], text.phrases)))
        ):
            other = text.phrases.whole(sides[-2])
            return phrase.meaning if other is None or other.meaning == phrase.meaning else UNCLEAR
    return None


_OPERATOR = re.compile(r"\b(?:and|or|not|xor|so|therefore|thus|hence|we have)\b", re.IGNORECASE)


def _approved(text: ChoiceText) -> Found:
    """What is called right: `B is correct`; what merely seems right counts only where nothing else does."""
    found = [(sentence.text, said) for sentence, each in text.body for said in each if said.role is Role.APPROVED]
    sure = [(content, said) for content, said in found if not HEDGES.search(content[said.start : said.end + _NEAR])]
    best = [said for content, said in sure if not _FAIR.search(content[said.end : said.end + _NEAR])]
    if not best and found and _names_others(text, found[0][1]):
        return unless_none([said for _, said in sure]) if sure else None
    return unless_none(best or [said for _, said in sure or found])


def _names_others(text: ChoiceText, said: SaidOf) -> bool:
    return any(each.states and each.meaning != said.meaning for _, others in text.body for each in others)


_FAIR = re.compile(
    r"^(?:(?!\b(?:most|best|only)\b)[^,;])*\b(?:plausible|likely|similar|accurate|appropriate|suitable)\b"
)
"""What does not call a phrase the best one."""


_NEAR = 20


def _bold(text: ChoiceText) -> Found:
    """A phrase in bold."""
    if text.cut:
        return None
    found = [phrase.meaning for bold in _BOLD.findall(text.raw) if (phrase := text.phrases.whole(bold))]
    stated = {said.meaning for _, each in text.body for said in each if said.states}
    return found[0] if len(set(found)) == 1 and found[0] in stated else None


_BOLD = re.compile(r"\*\*([^*\n]{1,60})\*\*")


def _concluded(text: ChoiceText) -> Found:
    """What the last conclusion says: "so it is", "overall", "I would say"."""
    following: Sentence | None = None
    for sentence, said in reversed(text.body):
        cues = list(_CONCLUDES.finditer(sentence.text))
        after, following = following, sentence
        if not cues or (text.cut and _leads_on(text, sentence)):
            continue
        if sentence.text.endswith(":") and not said and after is not None:
            # "So the one that fits best is:", and the label on the next line.
            head = MARKED_LABEL.match(after.text)
            if head and (phrase := text.phrases.whole(head[0])):
                return phrase.meaning
            if (found := text.leading(after.text)) is not None:
                return found
        if (left := _LEAVES.search(sentence.text)) and (kept := text.leading(sentence.text[left.end() :])):
            return kept
        last = [each for each in states(said) if each.start >= cues[-1].end()]
        if last:
            return stated_by(sentence.text, last)
        if (found := agreed_by(sentence.text, said)) is not None:
            return found
    return None


def _leads_on(text: ChoiceText, sentence: Sentence) -> bool:
    """Whether a sentence of a cut text is a step on the way, or an item of a list."""
    return is_on_the_way(sentence, text.begun) or heads_an_item(sentence.text, text.phrases, _CONCLUDES)


_LEAVES = re.compile(
    r"\b(?:leaves|leaving)(?: us)?(?: with)?(?: only| just)?(?: option| choice| answer)?\s(?=\S)", re.IGNORECASE
)

_WE_SAY = (
    r"\b(?:i|we)(?:['\u2019]d|['\u2019]ll| would| will)? (?:say|go (?:with|for)|choose|pick|select|opt for|take|label|"
    r"classify|categori[sz]e|rate|call|give|guess|lean|vote|conclude)\b"
)
_ALL_IN_ALL = (
    r"\b(?:overall|in (?:conclusion|summary|short|total|sum)|to (?:conclude|summari[sz]e|sum up)|conclud\w+|ultimately|"
    r"in the end|all in all|on balance|altogether|must be|my (?:choice|pick|guess|vote|verdict|rating)|leaves|leaving|"
    r"refer(?:s|red|ring)? to|classified|categori[sz]ed|labell?ed|rated|evaluates? to|simplif\w+ to|reduces to|verdict|"
    r"conclusion|final|prefer|insgesamt|gesamt|globalement|en conclusion|en general|nel complesso|no geral|в целом)\b"
    r"|总体|總體|整体|全体的に|전반적으로"
)
_THE_BEST_IS = (
    r"\b(?:correct|right|best|final|closest|likely|proper|appropriate|suitable|similar|accurate|sarcastic|dominant|main)"
    r"(?: [\w'-]{1,20}){0,5} (?:is|was|are|would be|should be|must be|seems to be)\b"
)
_PROBABLY = r"^\W*(?:(?:most )?(?:probably|likely)|i (?:think|believe))\b"
_CONCLUDES = re.compile(f"{languages.SO}|{_ALL_IN_ALL}|{_WE_SAY}|{_THE_BEST_IS}|{_PROBABLY}", re.IGNORECASE)


def _declared(text: ChoiceText) -> Found:
    """What the first sentence of a cut text says, where a phrase ends it, as in `It is (not) plausible.`."""
    if not text.cut or not text.body:
        return None
    sentence, said = text.body[0]
    last = states(said)[-1:]
    if (
        not last
        or begins_a_step(sentence.text)
        or is_on_the_way(sentence, text.begun)
        or sentence.text[last[0].end :].strip(" .!*`\"'")
        or not _DECLARES.search(sentence.text[: last[0].start])
    ):
        return None
    return unless_none(last)


_DECLARES = re.compile(
    r"(?<!what )(?<!whether )(?<!if )\b(?:(?:is|are|was|were|ist|sind|war|est|sont|es|è|é|это)(?:\s+(?:not|never|nicht|"
    r"pas))?|(?:is|are|was|were)n['\u2019]t)(?:\s+(?:\w+ly|quite|at all))?\s+[\"'(]*$",
    re.IGNORECASE,
)


RULES: tuple[Rule[ChoiceText], ...] = (
    Rule("whole", _whole),
    Rule("completed", _completed),
    Rule("json", _json),
    Rule("boxed", _boxed),
    Rule("tag", _tagged),
    Rule("ticked", ticked),
    Rule("judged", judged),
    Rule("corrected", _corrected),
    Rule("contradicted", _contradicted),
    Rule("answer", _answer),
    Rule("field", field),
    Rule("alone", alone),
    Rule("equated", _equated),
    Rule("approved", _approved),
    Rule("opening", opening),
    Rule("bold", _bold),
    Rule("declared", _declared),
    Rule("concluded", _concluded),
    Rule("only", only, weak=True),
)
