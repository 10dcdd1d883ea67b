"""What a sentence says of each phrase that it names: asserted, approved, denied, or merely talked about."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from gpo.scoring.text import languages
from gpo.scoring.text.clauses import Clause, clauses
from gpo.scoring.text.grades import settled
from gpo.scoring.text.phrases import Mention, Phrases
from gpo.scoring.text.roles import Role, SaidOf

_NEGATED = re.compile(
    rf"(?P<negator>{languages.NEGATOR})(?:[\s\"'\u201c\u2018(\[]*(?:{languages.TRANSPARENT}|"
    rf"§))*[\s\"'\u201c\u2018(\[*_:]*$",
    re.IGNORECASE,
)
_LOOKED_BACK = 90
_DENIED_AFTER = re.compile(languages.DENIED_AFTER)
_AFTER = r"[)\]}\"'\u201d\u2019」*_`]*\s*(?:\([^()]{0,40}\)\s*)?(?:,? ?(?:both|all|each|also|alone|itself)\s+)?"
_ADVERB = (
    r"(?:\s+(?:clearly|definitely|probably|also|indeed|therefore|thus|likely|obviously|certainly|"
    r"surely|simply|just|really|actually|the|a|only|most|very|much|more|by far|my))*"
)
_NOT = r"(?:\s*n['\u2019]t|\s+not|not|\s+never|\s+hardly|\s+no longer)"
_BE = (
    r"(?:is|was|are|were|seems?(?: to be)?|looks?|appears?(?: to be)?|(?:would|could|should|might|may|"
    r"must|will|can)(?:n['\u2019]t|not)?(?: not)?"
    r"(?: have)?(?: be(?:en)?)?|ca|wo|ist|sind|est|es|è|é|är|jest|adalah|là|это)"
)
_RIGHT = (
    r"(?:correct|right|best|answer(?! to (?:an? |the )?(?:different|other|another|wrong)\b)|accurate|"
    r"appropriate|plausible|likely|true|fitting|suitable|final|"
    r"better|strong(?:er|est)|preferable|superior|it\b|chosen|choice|"
    r"preferred|closest|similar|sarcastic|one\b|what(?! (?:(?:the )?(?!text|passage|data|evidence|rules?|"
    r"law)\w+ (?:\w+ly )?"
    r"(?:claim|say|think|believe|call|argue|want|pick)(?:s|ed)?|(?:he|she|they) said)\b)|richtig|korrekt|juste|"
    r"bonne|exacte?|correcta?|"
    r"verdadera?|giusta|corretta|certa|juist|rätt|"
    r"poprawna|benar|đúng|правильн|верн)"
)
_APPROVED = re.compile(
    rf"{_AFTER}(?:{_BE}{_ADVERB}\s+{_RIGHT}|(?:is|are|must be|does)\s*[.!]*\s*$|(?:remains|wins|beats|"
    rf"outperforms|fits best|"
    rf"stands|holds|applies(?!\s+(?:to|only|when|if)\b)|it is\b|is it\b|follows(?!\s+\w))|"
    rf"(?:是|才是)?(?:正确|正確|对的|對的|最佳|正しい|が正しい|が正解|가 정답|가 맞|이 정답|이 맞))",
    re.IGNORECASE,
)
_DENIED = re.compile(
    rf"{_AFTER}(?:{_BE}(?:{_NOT}){_ADVERB}\s+{_RIGHT}|{_BE}{_NOT}(?:\s+either|\s+any better)?\s*[.,;!]?\s*$"
    rf"|{_BE}{_ADVERB}\s+(?:wrong|incorrect|false|excluded|eliminated|out\b|ruled out|falsch|fausse?|"
    rf"incorrecta?|falsa|sbagliata|errada|fout|неверн))",
    re.IGNORECASE,
)
_TALKED_ABOUT = re.compile(
    rf"{_AFTER}(?:{_BE}{_NOT}?|has|have|had|does(?:n['\u2019]t)?|did(?:n['\u2019]t)?|do(?:n['\u2019]t)?|"
    rf"says?|means?|refers?|describes?|gives?|makes?|cannot|"
    rf"states?|uses?|contains?|mentions?|talks?|fails?|lacks?|contradicts?|comes?|goes|violates?|misses|"
    rf"ignores?|suggests?|implies|requires?|only (?:if|when|for|in)|or (?:higher|lower|more|less|above|below|"
    rf"better|worse))(?!\w)",
    re.IGNORECASE,
)
_GENERIC = re.compile(r"\s+\w+\s+(?:would|could|might|should|may|can)(?!\w)", re.IGNORECASE)
_WOULD_BE = re.compile(r"\b(?:would|could|might|may)\s+(?:(?:have\s+)?be(?:en)?|become)\b[^,;.]*$", re.IGNORECASE)
_NEITHER_NOR = re.compile(r"(?:\s+\S+){1,4}\s+nor\b", re.IGNORECASE)
_IF = re.compile(r"\bif\b", re.IGNORECASE)
_TITLE = re.compile(r"[)\].:]+\s+[A-Z]")
"""The text of an option, after its label."""
_SINGULAR_S = (
    r"(?!(?:is|was|has|as|its|this|thus|does|always|perhaps|because|besides|unless|plus|versus|remains|"
    r"fits|wins|holds|seems|looks|appears|applies|"
    r"stands|follows|works|means|says|gives|makes|describes|refers|matches|uses|class|less|yes|bias|"
    r"stress|across|towards|overall|stars|points|out of|degrees|times)\b)"
)
_PLURAL_NOUN = re.compile(
    rf"[\"'\u201d\u2019]?(?:\s+(?:and|or)\s+\w+)?(?:\s+(?!as|is|was|has|because|this|"
    rf"its)\w+)?\s+{_SINGULAR_S}(?:[a-z]{{3,}}[^\Wsuia]s|words?|language|wording|feedback|staff|elements?|"
    rf"aspects?)\b",
    re.IGNORECASE,
)
_AS_WORD = re.compile(
    r"\b(?:words?|terms?|phrases?|starts?|begins?|started|began|ends?|ended|anything|something|"
    r"scale|between)\s*(?:like|as|out|off|the|of|a)?\s*[\"'\u201c\u2018(]*$",
    re.IGNORECASE,
)
_UNPROVEN = re.compile(
    r"\b(?:no|little|lack of|insufficient|(?:not|n['\u2019]t) (?:any|enough|sufficient))(?:\s\w{1,12})?\s"
    r"(?:evidence|proof|indication|guarantee|sign|reason to)\b[^.;]{0,60}$",
    re.IGNORECASE,
)
_IN_PART = re.compile(
    r"\b(?:partially|partly|(?<!first )(?<!second )(?<!other )half|in part|sometimes|occasionally|almost|nearly|"
    r"above|below|teilweise|partiellement|parcialmente|parzialmente)(?:\s+an?)?[\s-]+[\"'\u201c(]*$|部分",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"\b(?:over|than(?: to)?|less|beats|outperforms|(?:preferable|superior|inferior) to|"
    r"prefer\w*\s.{1,24}\sto)\s+(?:the |option |an? |like )*[(\"']*$",
    re.IGNORECASE,
)
_OTHERS_SAY = re.compile(
    r"\b(?:(?:some|many|others|critics|students|readers|users|they|people|the (?:speaker|author|user|"
    r"writer))(?:\s(?:people|readers|might|may|"
    r"would|could|will|often|commonly|usually|sometimes|tend to|wrongly))*"
    r"\s(?:says?|claims?|argues?|thinks?|believes?|see|read|call|label|classify|consider|pick|choose|select|prefer)\b"
    r"[^,;.]*|\b(?:some|others|many)\s|\bso (?:is|are|does)\s[\"'(]*|\b(?:consider|considering|examine|look at|"
    r"start with|"
    r"evaluate|analy[sz]e)\s(?:(?:the\s)?"
    r"(?:option|choice|answer|statement)s?\s)?[\"'(]*)$",
    re.IGNORECASE,
)
_NOT_SAID = (_AS_WORD, _OVER, _IN_PART, _UNPROVEN, _OTHERS_SAY)
"""What shows, before a phrase, that it is not said to be so."""
_JOINED = re.compile(
    r"(?:\s*(?:stars?|points?))?[)\]\"'\u201d\u2019」*_]*\s*(?:(?P<strong>(?:,\s*)?(?:and|or|nor|&|/|\||und|oder|noch|et|ou|ni|y|o|e|"
    r"en|of|eller|och|ve|veya|dan|atau|và|hoặc|to|through|"
    r"и|или|أو|و|और|य\u093e|和|或者?|与|與|と|か|や|와|과|나|이나|또는|(?<!\s)[-\u2013](?!\s))(?:/or)?)|(?P<comma>[,\u3001\uff0c]))"
    r"\s*(?:(?:and|or|the|a|an|option|options|either|both|partly|also|possibly|perhaps|maybe|somewhat|"
    r"slightly)\s+)*[(\[\"'\u201c\u2018「*_]*",
    re.IGNORECASE,
)


def said_in(sentence: str, phrases: Phrases) -> list[SaidOf]:
    """The phrases that a sentence names, in order, with their roles."""
    found = phrases.find(sentence)
    if not found:
        return []
    parts = clauses(sentence)
    roles: list[SaidOf] = []
    meanings = set(phrases.meanings)
    found = _before_that(sentence, found)
    for chain in _chains(sentence, found):
        roles.extend(_said_of_chain(sentence, chain, parts, meanings))
    return settled(sentence, roles)


_FALSE = frozenset({"false", "False", "FALSE", "wrong", "falso", "faux", "falsch", "vals"})
_THAT = re.compile(r"\s+(?:that|que|che|dass)\b", re.IGNORECASE)


def _before_that(sentence: str, found: list[Mention]) -> list[Mention]:
    """Of "it is false that B" what decides, and of "it is true that B" what follows."""
    for at, mention in enumerate(found[:-1]):
        if mention.phrase.opposite and _THAT.match(sentence, mention.end):
            denied = _negations(sentence[max(0, mention.start - _LOOKED_BACK) : mention.start]) % 2
            said = mention.phrase.opposite if denied else mention.meaning
            return found[: at + 1] if said in _FALSE else [*found[:at], *found[at + 1 :]]
    return found


def are_side_by_side(sentence: str, one: SaidOf, other: SaidOf) -> bool:
    """Whether two phrases stand beside each other as equals, as in `A, maybe B`."""
    joined = _JOINED.fullmatch(sentence, one.end, other.start)
    return joined is not None or re.fullmatch(r"[)\]]\s?[(\[]", sentence[one.end : other.start]) is not None


def _chains(sentence: str, found: Sequence[Mention]) -> list[list[Mention]]:
    """Mentions that stand side by side, as in `neither A, B nor C`; a mere comma joins only where more is joined."""
    chains: list[list[Mention]] = []
    strong: list[bool] = []
    closed = False
    for mention in found:
        joined = _JOINED.fullmatch(sentence, chains[-1][-1].end, mention.start) if chains else None
        # After "A, B and D" a comma begins something new.
        if joined and not (closed and joined["comma"]) and not _OVER.search(sentence[: mention.start][-_LOOKED_BACK:]):
            chains[-1].append(mention)
            strong[-1] = strong[-1] or joined["strong"] is not None
        else:
            chains.append([mention])
            strong.append(False)
        closed = strong[-1]
    return [
        part
        for chain, is_strong in zip(chains, strong, strict=True)
        for part in ([chain] if is_strong or len(chain) > 2 else [[mention] for mention in chain])
    ]


_BOTH = re.compile(r"\b(?:both|n?either|between)\s+[\"']?$", re.IGNORECASE)


def _said_of_chain(
    sentence: str, chain: Sequence[Mention], parts: Sequence[Clause], meanings: AbstractSet[str | None]
) -> list[SaidOf]:
    """What is said of mentions side by side; a list of all that there is to choose from is merely mentioned."""
    first, last = chain[0], chain[-1]
    answers = {
        each: not each.phrase.is_particle or _particle_answers(sentence, each, opens=each is first) for each in chain
    }
    if any(answers.values()) and _BOTH.search(sentence[: first.start]):
        answers = dict.fromkeys(chain, True)
    is_list = len(chain) > 1 and any(answers.values()) and {each.meaning for each in chain} >= meanings
    clause = next((each for each in parts if each.start <= first.start < each.end), parts[-1])
    negations = _negations(sentence[clause.start : first.start])
    role = Role.MENTIONED if is_list else _role(sentence, first, last, clause)
    if _DENIED_AFTER.match(sentence, last.end):
        negations += 1
    said = []
    for mention in chain:
        meaning, own = mention.meaning, role
        if negations % 2 and not mention.phrase.is_particle:
            own, meaning = Role.DENIED, mention.meaning
            if mention.phrase.opposite and role is not Role.MENTIONED:
                own, meaning = Role.ASSERTED, mention.phrase.opposite
        elif not answers[mention]:
            own = Role.MENTIONED
        said.append(SaidOf(meaning, own, mention.start, mention.end, clause))
    return said


def _role(sentence: str, first: Mention, last: Mention, clause: Clause) -> Role:
    """What a sentence says of the phrases from `first` to `last`, apart from a negation before them."""
    before = sentence[max(clause.start, first.start - _LOOKED_BACK) : first.start]
    if clause.is_aside:
        return Role.MENTIONED
    if _CANNOT_BE.match(sentence, last.end):
        return Role.DENIED
    if _APPROVED.match(sentence, last.end) or (
        last.end - first.start <= 3 and _ONLY_ONE.search(before) and _FITS.match(sentence, last.end)
    ):
        return Role.APPROVED
    if _DENIED.match(sentence, last.end):
        return Role.DENIED
    is_talked_about = _TALKED_ABOUT.match(sentence, last.end) and not _TITLE.match(sentence, last.end)
    if is_talked_about or _describes(sentence, last) or any(cue.search(before) for cue in _NOT_SAID):
        return Role.MENTIONED
    return Role.MENTIONED if _WOULD_BE.search(before) and _IF.search(sentence) else Role.ASSERTED


_CANNOT_BE = re.compile(
    rf"{_AFTER}(?:would|could|should|might|may|must|will|can|ca|wo)(?:n['\u2019]t|\s?not|\s+never)(?:\s+have)?(?:\s+be(?:en)?)?"
    rf"{_ADVERB}\s+{_RIGHT}|{_AFTER}neither\b",
    re.IGNORECASE,
)
_ONLY_ONE = re.compile(r"\bonly\s+(?:(?:option|choice|answer)\s+)?[\"'(]*$", re.IGNORECASE)
_FITS = re.compile(
    rf"{_AFTER}(?:fits|satisfies|meets|matches|works|makes|contains|describes|(?:is|has|can)(?!\s*n['\u2019]t|\s+not|\s+(?:wrong|"
    r"incorrect|false|excluded|eliminated|out|ruled)\b))\b",
    re.IGNORECASE,
)
"""What makes `only C` the answer."""


def _describes(sentence: str, mention: Mention) -> bool:
    """Whether a word stands before what it describes: `negative words`, `a positive review would`."""
    if mention.end - mention.start < 2 or (mention.phrase.is_particle and sentence.startswith(" for ", mention.end)):
        return False
    if sentence[mention.start : mention.end].casefold() == "neither" and _NEITHER_NOR.match(sentence, mention.end):
        return True
    return any(pattern.match(sentence, mention.end) for pattern in (_PLURAL_NOUN, _GENERIC))


def _negations(before: str) -> int:
    """How many words deny what follows `before`: two of them deny nothing."""
    before = before[-_LOOKED_BACK:]
    count = 0
    while (match := _NEGATED.search(before)) is not None and count < 4:
        count += 1
        before = before[: match.start()]
    return count


_PARTICLE_BEFORE = re.compile(
    r"(?:^|[.!?:;,=>\u2014\u2013\uff1a\uff0c\u3002「\u201c\"'(\[*_`-]|\b(?:hard|big|firm|clear|strong|resounding|but|absolutely|certainly|surely|"
    r"obviously|well|oh|so|then|therefore|thus|hence|is|are|be|say|says|said|answer|answers|conclude|with|"
    r"definitely|clearly|probably|simply|"
    r"a|an|ist|lautet|est|es|è|é|är|jest|also|dire|decir|to|choose|pick|select|label|option|adalah|là|ответ|это)"
    r"|[是为は은는选])\s*[\"'\u201c(\[*_`]*$",
    re.IGNORECASE,
)
_PARTICLE_AFTER = re.compile(
    r"[\"'\u201d\u2019」)\]*_`]*\s*(?:$|[.,;:!?\u2014\u2013\uff0c\u3001\u3002\uff01।،(\[/&|→-]|\n|"
    r"(?:and|or|to|from|for|as|und|oder|et|ou|y|o|e)\s|です|입니다|ह\u0948|"
    rf"(?:{languages.REASON}|{languages.SO}|{languages.BUT}))",
    re.IGNORECASE,
)
_PARTICLE_OPENS = re.compile(
    r"[\"'\u201d]?\s+(?:the|this|that|there|it|he|she|they|we|you|i|a|an|its|his|her|all|each|every|some|one|these|"
    r"those|(?:is|would|are) (?:the|correct|my|right))\b",
    re.IGNORECASE,
)


def _particle_answers(sentence: str, mention: Mention, *, opens: bool) -> bool:
    """Whether "yes" or "no" is an answer there, and not a word of the sentence as in "there is no ball"."""
    before, after = sentence[max(0, mention.start - _LOOKED_BACK) : mention.start], mention.end
    if opens and not _PARTICLE_BEFORE.search(before):
        return False
    if _PARTICLE_AFTER.match(sentence, after):
        return True
    return (
        mention.start < _LOOKED_BACK
        and not before.strip(" *_`\"'#>-")
        and _PARTICLE_OPENS.match(sentence, after) is not None
    )
