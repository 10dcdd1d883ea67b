"""Words of some twenty languages by which a text states, denies, explains and corrects an answer.

Each constant is a regular expression that sees plain text and ignores case. Words of scripts without spaces stand
apart, since no word boundary surrounds them.
"""

import re


def _words(*words: str) -> str:
    """Any of the words, whole."""
    return rf"(?<!\w)(?:{'|'.join(words)})(?!\w)"


ANSWER_NOUN = "|".join((
    _words(
        r"answers?", "ans", r"solution", r"antwort(?:en)?", r"l[oö]sung", r"r[eé]ponse", r"respuesta",
        r"risposta", r"resposta", r"antwoord",
        "ergebnis", "résultat", "resultado", "risultato", "результат", "wynik",
        r"svar(?:et)?", r"vastaus", r"odpowied(?:ź|z)", r"odpověď",
        r"cevap", r"yanıt", r"câu trả lời", r"đáp án", r"jawaban(?:nya)?",
        r"ответ", r"відповідь",
        r"απάντηση", r"răspuns(?:ul)?", r"válasz",
        r"(?:ال)?إجابة", r"(?:ال)?اجابة",
        r"(?:ال)?جواب", r"الحل", r"उत्तर",
        r"जवाब", r"উত্তর", r"ה?תשובה",
        r"پاسخ",
    ),
    "答案", "答え", "回答", "解答", "正解", "结果", "結果",
    "답변", "정답", r"답(?=[은:이 ])", "คำตอบ",
))  # fmt: skip
"""`answer`, as a noun."""

COPULA = (
    r"(?:"
    + _words(
        "is", "was", "are", r"would be", r"should be", r"must be", r"will be", r"becomes", "equals", "ist", "lautet",
        "beträgt", "wynosi", "равен", "равно",
        r"wäre", "sind", "est", "serait", "sont", "es", r"sería", r"è", r"sarebbe", r"é", r"seria",
        r"são", "zijn", r"är", "brzmi", "jest", "este", r"là", "adalah", "ialah",
        r"это", r"є", r"είναι", r"هي", r"هو",
        r"है", r"היא", r"הוא", "nin", "fi",
    )
    + r"|是|为|為|應該是|应该是|应为|应是|选|選"
    r"|は|은|는|이|คือ|[=:\uff1a]|\s[-\u2013\u2014]\s)"
)  # fmt: skip
"""`is`, or a colon."""

SURELY = (
    r"(?:(?:\s|(?<=[:=]))*\b(?:therefore|thus|then|hence|indeed|clearly|simply|definitely|probably|(?:most )?likely|"
    r"also|obviously|certainly|just|still|actually|now)\b)?"
)

NEGATOR = "|".join((
    _words(
        r"not(?! (?:only|just|merely|simply))", "never", r"no(?! (?:doubt|question|wonder|matter|one|longer than))",
        "cannot", "cant", r"dont", r"neither", "nor", "hardly", "barely", "scarcely", "rarely", "seldom", "far from",
        "unlikely", "impossible", "fails?", "failed", "failing", r"nothing(?! but)", "none",
        r"without(?! (?:a |any )?(?:doubt|question))", "lacks?",
        "lacking", "anything but", r"by no means", r"in no way", "nowhere near", "free of", "ruled? out",
        r"rul(?:es|ing) out", r"exclud(?:es?|ed|ing)", r"eliminat(?:es?|ed|ing)", "elimination of", "wrong to",
        r"reject(?:s|ed|ing)?", r"non",
        r"discard(?:s|ed|ing)?", "den(?:y|ies|ied)", "doubt(?:ful)?", "instead of", "rather than", "other than",
        "opposed to", "disagree (?:that|with)", "avoid(?:s|ed|ing)?", "refus(?:e|es|ed|ing)",
        "(?:hard|difficult) to", "false that", "wrong that", "untrue that",
        "nicht", r"kein(?:e[mnrs]?)?", "keinesfalls", "niemals", "nie", "weder", "noch", "kaum",
        "pas", "jamais", r"aucun(?:e)?", "ni", "nunca", r"jamás", "tampoco", "ningún", "ninguna",
        "mai", r"não", "nem", "niet", "geen", "nooit", "inte", "ej", "ikke", "ei", "ne",
        r"не", r"никогда", r"нельзя", r"δεν",
        r"ليس", r"ليست", r"غير", r"لا", r"لن",
        r"לא", r"אינה?ו?", r"không", r"không phải", "bukan", "tidak",
    ),
    r"n['\u2019]t(?!\w)", r"(?<!\w)(?:non|un)-",
    "不是", "并非", "並非", "不属于", "不可能", "不够",
    "不太", "没有", "沒有", r"[不非没沒未无無]",
    "ไม่ใช่", "ไม่",
))  # fmt: skip
"""A word before what it denies."""

TRANSPARENT = _words(
    "a", "an", "the", "be", "been", "being", "to", "really", "very", "quite", "at all", "all that", "all", "that",
    r"that['\u2019]s",
    "particularly", "entirely", r"\w{2,20}ly", "even", "considered", "seem", "appear", "look", "sound", "any", "in",
    "of", "for", "as", "so", "too", "always", "say", "call", "called", "think", "believe", "it", "it's", "its",
    "this",
    "is", "are", "was", "were", "have", "has", "contain", "contains", "look like", "seem like", "option", "options",
    "choice", "answer", "label", "class", "category", "such", "much", "more", "most", "best", "described",
    "classified", "labell?ed", "rated", "just", "simply", "with", "from", "either", "both", "one", "or", "and",
    "find", "see", "what", "i", "i'd", "we'd", "flag", "mark", "treat", "class", "classify", "label", "feel",
    "regard", "view", "possibly", "longer", "way", "case", "statement", "claim",
    "argument", "sentence", "conclusion", "review", "message",
    "text", "inference", "reasoning", "assertion", "answer", "going", "come", "count", "qualify", "consider",
    "us", "we", "can", "could", "would", "should", "there", "example", "said", "conclude", "infer", "assume", "among",
    "cases", "want", "need", "ask", "asking", "choose", "pick", "select", "go", "about", r"\w{2,12} to be",
    r"(?:correct|accurate|fair|right|reasonable) to", "zu", "zum", "zur",
    "ein(?:e[mnrs]?)?", "der", "die", "das", "den", "dem", "ist", "sind", "sehr", "wirklich", "besonders",
    "une?", "la", "le", "les", "el", "los", "las", "il", "lo", "una?", "uno", "um", "uma", "o", "os", "est", "es",
    "muy", "très", "vraiment", "realmente", "molto", "muito", "es", "è", "é", "de", "du", "een", "het",
    "heel", "erg", "echt", "en", "ett", "correcta?", "korrekt", "richtig", "phải", "очень",
    "является", "tidak", "phải", "rất",
) + "|[是很太的那么好选選]"  # fmt: skip
"""A word that may stand between a negator and what it denies."""

DENIED_AFTER = (
    r"\s*(?:değil|नहीं)(?!\w)"
    r"|[」\u201d\x22']?\s*(?:的|な[^\u3002]{0,4})?(?:では|じゃ|でも)"
    r"\s?(?:ない|なく|ありません)"
    r"|[」\u201d\x22']?\s*(?:이|가|은|는)?\s*아[니닌]"
    r"|\s*[都均皆]?(?:是)?(?:不对|错误|錯誤|不正确|错)|は(?:間違い|誤り|不正解)"
)
"""What denies a label that stands before it, in languages that deny so."""

REASON = "|".join((
    _words(
        r"because", r"since", r"due to",
        r"(?<!the )(?<!a )(?<!this )given(?= (?:that|the|this|its|these|how|all|no|what)\b)(?: that)?",
        r"although", r"though", r"even (?:though|if|when)",
        r"despite", r"in spite of", r"while", r"whilst", r"whereas", r"unlike", r"rather than", r"instead of",
        r"(?:as )?compared (?:to|with)", r"versus", r"vs\.?", r"after", r"before", r"unless", r"except(?: for)?",
        r"considering", r"in contrast to", r"as opposed to", r"without(?! (?:a |any )?(?:doubt|question))",
        r"aside from", r"apart from", r"other than",
        r"(?<=, )with", r"(?:were|had|should) (?:it|this|that)", r"which", r"who(?:se)?", r"where", r"if",
        r"when", r"whether", r"thanks to", r"assuming",
        r"for the reason", "followed by",
        r"as (?:it(?! stands)|there|the|this|that|they|he|she|we|you|i|no|all|its|his|her|most|both|none|"
        r"nothing|per|well as)",
        r"(?<!wrong )(?<!incorrect )(?<!fair )(?<!safe )(?<!right )(?<!correct )(?<!inclined )to (?:call|say|"
        r"tell|decide|"
        r"determine|judge|know|make it)", r"regardless of", r"notwithstanding",
        r"until", r"once",
        "weil", "da (?:der|die|das|es|er|sie|wir|keine?|in)", "denn", "obwohl", "obgleich", "während", "wenn",
        "trotz", r"car (?:il|elle|le|la|les|on|ce|c'|l'|aucune?)", "parce que?", "puisque",
        "bien qu(?:e|')", r"malgré", "porque", "ya que", "pues", "aunque", "a pesar de", r"perché",
        r"poiché", "sebbene", "anche se", "nonostante", "pois", r"já que", "embora", "apesar de", "omdat",
        "hoewel", "ondanks", "eftersom", "även om", "fordi", "ponieważ", "bo", "gdyż",
        "chociaż", "mimo", r"çünkü", r"потому что",
        r"так как", r"поскольку",
        r"хотя", r"несмотря", r"لأن\w*", r"رغم",
        r"بسبب", r"क्योंकि", r"हालांकि",
        "vì", "bởi vì", "mặc dù", "karena", "meskipun", "walaupun",
    ),
    "因为", "因為", "由于", "由於", "虽然", "雖然", "尽管",
    "儘管", "なぜなら", "왜냐하면", "비록", "เพราะ",
))  # fmt: skip
"""What begins a reason, a condition or a comparison: no answer is stated after it in its clause."""

SO = "|".join((
    _words(
        "therefore", "thus", "hence", "consequently", "accordingly", "daher", "deshalb", "folglich", "donc",
        "por (?:lo )?tanto", "entonces", "así que", "quindi", "dunque", "perciò", "portanto", "dus",
        "alltså", "dlatego", "więc", "bu yüzden", r"поэтому", r"значит",
        r"لذلك", r"إذن", r"इसलिए", "vì vậy", "do đó", "jadi",
    ),
    r"(?:^|(?<=[,;.:] )|(?<=,)|(?<= and )|(?<=\n))so(?= (?!(?:is|are|do|does|was|that|much|many|far|very)\b)|,)",
    r"(?<=, )then(?!\w)", "所以", "因此", "综上", "綜上", "したがって", "よって",
    "なので", "そのため", "따라서", "그러므로",
))  # fmt: skip
BUT = "|".join((
    _words(
        r"(?<!anything )(?<!nothing )(?<!all )(?<!none )but", r"however", r"nevertheless", r"nonetheless",
        r"aber", r"jedoch", r"sondern", r"doch", r"mais",
        r"pero", r"sino", r"ma", r"però", r"bensì", r"mas", r"maar", "utan", "ale", "lecz", "ama", "fakat",
        r"но", r"а", r"однако", r"لكن\w*", r"بل",
        r"लेकिन", r"बल्कि", r"nhưng", r"mà là", "tetapi", "melainkan", "namun",
    ),
    "但是", "但", "不过", "不過", "然而", "而是", "しかし", "ですが",
    "하지만", "그러나",
))  # fmt: skip

CORRECTS = (
    r"(?:^|(?<=[.!?\u2026()\n\u2014])|(?<=[.!?\u2026:,] )|(?<= - )|(?<=\u2014 )|(?<=\s))"
    r"(?:(?:on (?:second|further) thought|(?:up)?on reflection|i mean|or rather|"
    r"after (?:re-?\w+ing|\w+ing (?:it )?(?:again|once more)))|(?:edit|corrected):|"
    r"(?:(?<!n't )(?<!cannot )(?<!to )wait|hold on|hang on|scratch that|"
    r"correction|oops|oh no|sorry|apologies|"
    r"my (?:mistake|bad)|moment mal|moment|warte|attends?|attendez|espera|espere|aspetta|wacht|vänta|"
    r"подожди(?:те)?|стоп|bekle)(?=\s*[,.!:;\u2026\u2014-]|\s+(?:no|i|let|that|a)\b|\s*$)"
    r"|h(?:m)+(?=\W)"
    r"|(?:actually|rather)(?=,? (?:it|no|yes|let|the|that|i)\b|, )"
    r"|(?:no|nope|nein|non|nee|нет), (?:that|it|the|sorry|i|actually|das|c'est|es)\b"
    r"|(?:that|this)(?:'s| is| was)? (?:wrong|incorrect|not right|not correct|a mistake|mistaken)\b"
    r"|(?:that|this) (?:isn't|is not|wasn't) (?:right|correct)\b"
    r"|i (?:made|have made) (?:a|an) (?:mistake|error)|i was (?:wrong|mistaken)|i (?:misread|miscalculated|misspoke)"
    r"|let me (?:re-?\w+|double|check|correct|try again|start over)|i need to correct|to correct myself|"
    r"i take (?:that|it) back"
    r"|i (?:should )?(?:change|revise|correct) my (?:answer|mind))"
    r"|等等|等一下|不对[\uff0c,\u3002]|更正|いや|訂正|待って|잠깐|아니,"
)
"""What says that something written before was wrong, or may be."""

REJECTS = (
    r"(?:this|that|the|my) (?:answer|option|choice|response|label|classification)"
    r"(?: (?:is|was)(?: \w+ly)? (?:incorrect|wrong|false|a mistake|mistaken|not (?:correct|right|true))"
    r"| (?:isn|wasn)['\u2019]t (?:correct|right|true))"
    r"|(?:diese|die|meine) (?:antwort|option|wahl) (?:ist|war) (?:falsch|nicht (?:richtig|korrekt))"
    r"|(?:cette|la|ma) réponse (?:est (?:fausse|incorrecte|erronée)|n['\u2019]est pas (?:correcte|juste|exacte|bonne))"
    r"|(?:esta|la|mi) (?:respuesta|opción) (?:(?:es|está) (?:incorrecta|equivocada|errónea|falsa)|no es correcta)"
)
"""What calls the answer before it wrong."""

NOT_ONLY = (
    r"\b(?:not|n['\u2019]t) (?:only|just|merely|simply)\b|\bnicht (?:nur|bloß)\b|\bnon (?:seulement|solo)\b"
    r"|\bpas (?:seulement|que)\b|\bno (?:\w+ )?(?:solo|sólo|solamente)\b|\bnão (?:\w+ )?(?:só|apenas)\b|\bне только\b"
    r"|不仅|不僅|不但|不只"
)
"""`not only`, before the first of two that are said together."""

NEXT = (
    r"(?:next|now|then|after that|second(?:ly)?|third(?:ly)?|als nächstes|nun|jetzt|dann|danach|ensuite|puis|"
    r"maintenant|luego|después|a continuación|ahora|poi|adesso|затем|далее|теперь),?\s+"
    r"(?:we|i|let|the (?:second|third|next|other|last|right|left)|wir|ich|betrachte\w*|nous|on|je|nosotros|vamos|"
    r"evaluamos|miramos|guardiamo|valutiamo|мы|рассмотрим)(?!\w)|接下来|接下來|然后|然後|次に"
)
"""What begins a further step."""

QUESTIONED = re.compile(r"[?\uff1f؟]['\"\u201d\u2019)\]]*\s*$")

_UNABLE = (
    r"can['\u2019]?t|can ?not|could(?:n['\u2019]t| not)|(?:am|are|is|['\u2019]m|['\u2019]re) (?:not able|unable) to|"
    r"(?:hard|difficult|impossible|not possible|no way) to"
)
_FIND_OUT = (
    r"(?:\w+ly\s+)?(?:be\s+)?(?:say|said|tell|answer(?:ed)?|determined?|know|verify|verified|judged?|decided?|concluded?|"
    r"solved?|calculated?|comput\w+|provide|give)"
)
REFUSES = re.compile(
    rf"\b(?:(?:not enough|insufficient) information|(?:(?:{_UNABLE})\s+{_FIND_OUT}|(?:don['\u2019]?t|do not) know)\b"
    r"(?! (?:more|anything|what else))(?!.*\b(?:but|however|so|if)\b))",
    re.IGNORECASE,
)
"""What says that no answer can be given, in a sentence that goes on to give none."""
