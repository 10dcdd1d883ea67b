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
        r"answers?", "ans", r"solution", r"antwort(?:en)?", r"l[o\u00f6]sung", r"r[e\u00e9]ponse", r"respuesta",
        r"risposta", r"resposta", r"antwoord", r"svar(?:et)?", r"vastaus", r"odpowied(?:\u017a|z)", r"odpov\u011b\u010f",
        r"cevap", r"yan\u0131t", r"c\u00e2u tr\u1ea3 l\u1eddi", r"\u0111\u00e1p \u00e1n", r"jawaban(?:nya)?",
        r"\u043e\u0442\u0432\u0435\u0442", r"\u0432\u0456\u0434\u043f\u043e\u0432\u0456\u0434\u044c",
        r"\u03b1\u03c0\u03ac\u03bd\u03c4\u03b7\u03c3\u03b7", r"r\u0103spuns(?:ul)?", r"v\u00e1lasz",
        r"(?:\u0627\u0644)?\u0625\u062c\u0627\u0628\u0629", r"(?:\u0627\u0644)?\u0627\u062c\u0627\u0628\u0629",
        r"(?:\u0627\u0644)?\u062c\u0648\u0627\u0628", r"\u0627\u0644\u062d\u0644", r"\u0909\u0924\u094d\u0924\u0930",
        r"\u091c\u0935\u093e\u092c", r"\u0989\u09a4\u09cd\u09a4\u09b0", r"\u05d4?\u05ea\u05e9\u05d5\u05d1\u05d4",
        r"\u067e\u0627\u0633\u062e",
    ),
    "\u7b54\u6848", "\u7b54\u3048", "\u56de\u7b54", "\u89e3\u7b54", "\u6b63\u89e3", "\u7ed3\u679c", "\u7d50\u679c",
    "\ub2f5\ubcc0", "\uc815\ub2f5", r"\ub2f5(?=[\uc740:\uc774 ])", "\u0e04\u0e33\u0e15\u0e2d\u0e1a",
))  # fmt: skip
"""`answer`, as a noun."""

COPULA = (
    r"(?:"
    + _words(
        "is", "was", "are", r"would be", r"should be", r"must be", r"will be", r"becomes", "equals", "ist", "lautet",
        r"w\u00e4re", "sind", "est", "serait", "sont", "es", r"ser\u00eda", r"\u00e8", r"sarebbe", r"\u00e9", r"seria",
        r"s\u00e3o", "zijn", r"\u00e4r", "brzmi", "jest", "este", r"l\u00e0", "adalah", "ialah",
        r"\u044d\u0442\u043e", r"\u0454", r"\u03b5\u03af\u03bd\u03b1\u03b9", r"\u0647\u064a", r"\u0647\u0648",
        r"\u0939\u0948", r"\u05d4\u05d9\u05d0", r"\u05d4\u05d5\u05d0", "nin", "fi",
    )
    + r"|\u662f|\u4e3a|\u70ba|\u61c9\u8a72\u662f|\u5e94\u8be5\u662f|\u5e94\u4e3a|\u5e94\u662f|\u9009|\u9078"
    r"|\u306f|\uc740|\ub294|\uc774|\u0e04\u0e37\u0e2d|[=:\uff1a]|\s[-\u2013\u2014]\s)"
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
        "unlikely", "impossible", "fails?", "failed", "failing", r"nothing(?! but)", "none", "without", "lacks?",
        "lacking", "anything but", r"by no means", r"in no way", "nowhere near", "free of", "ruled? out",
        r"rul(?:es|ing) out", r"exclud(?:es?|ed|ing)", r"eliminat(?:es?|ed|ing)", "elimination of", "wrong to", r"reject(?:s|ed|ing)?", r"non",
        r"discard(?:s|ed|ing)?", "den(?:y|ies|ied)", "doubt(?:ful)?", "instead of", "rather than", "other than",
        "opposed to", "false that", "wrong that", "untrue that",
        "nicht", r"kein(?:e[mnrs]?)?", "keinesfalls", "niemals", "nie", "weder", "noch", "kaum",
        "pas", "jamais", r"aucun(?:e)?", "ni", "nunca", r"jam\u00e1s", "tampoco", "ning\u00fan", "ninguna",
        "mai", r"n\u00e3o", "nem", "niet", "geen", "nooit", "inte", "ej", "ikke", "ei", "ne",
        r"\u043d\u0435", r"\u043d\u0438\u043a\u043e\u0433\u0434\u0430", r"\u043d\u0435\u043b\u044c\u0437\u044f", r"\u03b4\u03b5\u03bd",
        r"\u0644\u064a\u0633", r"\u0644\u064a\u0633\u062a", r"\u063a\u064a\u0631", r"\u0644\u0627", r"\u0644\u0646",
        r"\u05dc\u05d0", r"\u05d0\u05d9\u05e0\u05d4?\u05d5?", r"kh\u00f4ng", r"kh\u00f4ng ph\u1ea3i", "bukan", "tidak",
    ),
    r"n['\u2019]t(?!\w)", r"(?<!\w)(?:non|un)-",
    "\u4e0d\u662f", "\u5e76\u975e", "\u4e26\u975e", "\u4e0d\u5c5e\u4e8e", "\u4e0d\u53ef\u80fd", "\u4e0d\u591f",
    "\u4e0d\u592a", "\u6ca1\u6709", "\u6c92\u6709", r"[\u4e0d\u975e\u6ca1\u6c92\u672a\u65e0\u7121]",
    "\u0e44\u0e21\u0e48\u0e43\u0e0a\u0e48", "\u0e44\u0e21\u0e48",
))  # fmt: skip
"""A word before what it denies."""

TRANSPARENT = _words(
    "a", "an", "the", "be", "been", "being", "to", "really", "very", "quite", "at all", "all that", "all", "that",
    "particularly", "entirely", r"\w{2,20}ly", "even", "considered", "seem", "appear", "look", "sound", "any", "in",
    "of", "for", "as", "so", "too", "always", "say", "call", "called", "think", "believe", "it", "it's", "its", "this",
    "is", "are", "was", "were", "have", "has", "contain", "contains", "look like", "seem like", "option", "options",
    "choice", "answer", "label", "class", "category", "such", "much", "more", "most", "best", "described",
    "classified", "labell?ed", "rated", "just", "simply", "with", "from", "either", "both", "one", "or", "and",
    "find", "see", "feel", "regard", "view", "possibly", "longer", "way", "case", "statement", "claim", "argument", "sentence", "conclusion", "review", "message",
    "text", "inference", "reasoning", "assertion", "answer", "going", "come", "count", "qualify", "consider", "us", "we", "can", "could", "would", "should", "there",
    "ein(?:e[mnrs]?)?", "der", "die", "das", "den", "dem", "ist", "sind", "sehr", "wirklich", "besonders",
    "une?", "la", "le", "les", "el", "los", "las", "il", "lo", "una?", "uno", "um", "uma", "o", "os", "est", "es",
    "muy", "tr\u00e8s", "vraiment", "realmente", "molto", "muito", "es", "\u00e8", "\u00e9", "de", "du", "een", "het",
    "heel", "erg", "echt", "en", "ett", "correcta?", "korrekt", "richtig", "ph\u1ea3i", "\u043e\u0447\u0435\u043d\u044c",
    "\u044f\u0432\u043b\u044f\u0435\u0442\u0441\u044f", "tidak", "ph\u1ea3i", "r\u1ea5t",
) + "|[\u662f\u5f88\u592a\u7684\u90a3\u4e48\u597d]"  # fmt: skip
"""A word that may stand between a negator and what it denies."""

DENIED_AFTER = (
    r"\s*(?:de\u011fil|\u0928\u0939\u0940\u0902)(?!\w)"
    r"|[\u300d\u201d\u0022']?\s*(?:\u7684|\u306a[^\u3002]{0,4})?(?:\u3067\u306f|\u3058\u3083|\u3067\u3082)"
    r"\s?(?:\u306a\u3044|\u306a\u304f|\u3042\u308a\u307e\u305b\u3093)"
    r"|[\u300d\u201d\u0022']?\s*(?:\uc774|\uac00|\uc740|\ub294)?\s*\uc544\ub2c8"
    r"|\s*(?:\u662f)?(?:\u4e0d\u5bf9|\u9519\u8bef|\u932f\u8aa4|\u4e0d\u6b63\u786e|\u9519)"
)
"""What denies a label that stands before it, in languages that deny so."""

REASON = "|".join((
    _words(
        r"because", r"since", r"due to", r"(?<!the )(?<!a )(?<!this )given(?= (?:that|the|this|its|these|how|all|no|what)\b)(?: that)?", r"although", r"though", r"even (?:though|if|when)",
        r"despite", r"in spite of", r"while", r"whilst", r"whereas", r"unlike", r"rather than", r"instead of",
        r"(?:as )?compared (?:to|with)", r"versus", r"vs\.?", r"after", r"before", r"unless", r"except(?: for)?",
        r"considering", r"in contrast to", r"as opposed to", r"without", r"aside from", r"apart from", r"other than",
        r"which", r"who(?:se)?", r"where", r"if", r"when", r"whether", r"thanks to", r"assuming", r"for the reason",
        r"as (?:it(?! stands)|there|the|this|that|they|he|she|we|you|i|no|all|its|his|her|most|both|none|nothing|per|well as)",
        r"to (?:call|say|tell|decide|determine|judge|know|make it)", r"regardless of", r"notwithstanding", r"until", r"once",
        "weil", "da (?:der|die|das|es|er|sie|wir|keine?|in)", "denn", "obwohl", "obgleich", "w\u00e4hrend", "wenn", "trotz", r"car (?:il|elle|le|la|les|on|ce|c'|l'|aucune?)", "parce que?", "puisque",
        "bien qu(?:e|')", r"malgr\u00e9", "porque", "ya que", "pues", "aunque", "a pesar de", r"perch\u00e9",
        r"poich\u00e9", "sebbene", "anche se", "nonostante", "pois", r"j\u00e1 que", "embora", "apesar de", "omdat",
        "hoewel", "ondanks", "eftersom", "\u00e4ven om", "fordi", "poniewa\u017c", "bo", "gdy\u017c",
        "chocia\u017c", "mimo", r"\u00e7\u00fcnk\u00fc", r"\u043f\u043e\u0442\u043e\u043c\u0443 \u0447\u0442\u043e",
        r"\u0442\u0430\u043a \u043a\u0430\u043a", r"\u043f\u043e\u0441\u043a\u043e\u043b\u044c\u043a\u0443",
        r"\u0445\u043e\u0442\u044f", r"\u043d\u0435\u0441\u043c\u043e\u0442\u0440\u044f", r"\u0644\u0623\u0646\w*", r"\u0631\u063a\u0645",
        r"\u0628\u0633\u0628\u0628", r"\u0915\u094d\u092f\u094b\u0902\u0915\u093f", r"\u0939\u093e\u0932\u093e\u0902\u0915\u093f",
        "v\u00ec", "b\u1edfi v\u00ec", "m\u1eb7c d\u00f9", "karena", "meskipun", "walaupun",
    ),
    "\u56e0\u4e3a", "\u56e0\u70ba", "\u7531\u4e8e", "\u7531\u65bc", "\u867d\u7136", "\u96d6\u7136", "\u5c3d\u7ba1",
    "\u5118\u7ba1", "\u306a\u305c\u306a\u3089", "\uc65c\ub0d0\ud558\uba74", "\ube44\ub85d", "\u0e40\u0e1e\u0e23\u0e32\u0e30",
))  # fmt: skip
"""What begins a reason, a condition or a comparison: no answer is stated after it in its clause."""

SO = "|".join((
    _words(
        "therefore", "thus", "hence", "consequently", "accordingly", "daher", "deshalb", "folglich", "donc",
        "por (?:lo )?tanto", "entonces", "as\u00ed que", "quindi", "dunque", "perci\u00f2", "portanto", "dus",
        "allts\u00e5", "dlatego", "wi\u0119c", "bu y\u00fczden", r"\u043f\u043e\u044d\u0442\u043e\u043c\u0443", r"\u0437\u043d\u0430\u0447\u0438\u0442",
        r"\u0644\u0630\u0644\u0643", r"\u0625\u0630\u0646", r"\u0907\u0938\u0932\u093f\u090f", "v\u00ec v\u1eady", "do \u0111\u00f3", "jadi",
    ),
    r"(?:^|(?<=[,;.:] )|(?<=,)|(?<= and )|(?<=\n))so(?= (?!that\b|much\b|many\b|far\b|very\b)|,)",
    r"(?<=, )then(?!\w)", "\u6240\u4ee5", "\u56e0\u6b64", "\u7efc\u4e0a", "\u7d9c\u4e0a", "\u3057\u305f\u304c\u3063\u3066", "\u3088\u3063\u3066",
    "\u306a\u306e\u3067", "\u305d\u306e\u305f\u3081", "\ub530\ub77c\uc11c", "\uadf8\ub7ec\ubbc0\ub85c",
))  # fmt: skip
BUT = "|".join((
    _words(
        r"(?<!anything )(?<!nothing )(?<!all )(?<!none )but", r"however", r"nevertheless", r"nonetheless", r"aber", r"jedoch", r"sondern", r"doch", r"mais",
        r"pero", r"sino", r"ma", r"per\u00f2", r"bens\u00ec", r"mas", r"maar", "utan", "ale", "lecz", "ama", "fakat",
        r"\u043d\u043e", r"\u0430", r"\u043e\u0434\u043d\u0430\u043a\u043e", r"\u0644\u0643\u0646\w*", r"\u0628\u0644",
        r"\u0932\u0947\u0915\u093f\u0928", r"\u092c\u0932\u094d\u0915\u093f", r"nh\u01b0ng", r"m\u00e0 l\u00e0", "tetapi", "melainkan", "namun",
    ),
    "\u4f46\u662f", "\u4f46", "\u4e0d\u8fc7", "\u4e0d\u904e", "\u7136\u800c", "\u800c\u662f", "\u3057\u304b\u3057", "\u3067\u3059\u304c",
    "\ud558\uc9c0\ub9cc", "\uadf8\ub7ec\ub098",
))  # fmt: skip

CORRECTS = (
    r"(?:^|(?<=[.!?\u2026)\n\u2014])|(?<=[.!?\u2026:,] )|(?<= - )|(?<=\u2014 )|(?<=\s))"
    r"(?:(?:wait|hold on|hang on|scratch that|on (?:second|further) thought|correction|oops|oh no|sorry|apologies|"
    r"my (?:mistake|bad)|moment mal|moment|warte|attends?|attendez|espera|espere|aspetta|wacht|v\u00e4nta|"
    r"\u043f\u043e\u0434\u043e\u0436\u0434\u0438(?:\u0442\u0435)?|\u0441\u0442\u043e\u043f|bekle)(?=\s*[,.!:;\u2026\u2014-]|\s+(?:no|i|let|that|a)\b|\s*$)"
    r"|h(?:m)+(?=\W)"
    r"|(?:actually|rather)(?=,? (?:it|no|yes|let|the|that|i)\b|, )"
    r"|(?:no|nope|nein|non|nee|\u043d\u0435\u0442), (?:that|it|the|sorry|i|actually|das|c'est|es)\b"
    r"|(?:that|this)(?:'s| is| was)? (?:wrong|incorrect|not right|not correct|a mistake|mistaken)\b"
    r"|(?:that|this) (?:isn't|is not|wasn't) (?:right|correct)\b"
    r"|i (?:made|have made) (?:a|an) (?:mistake|error)|i was (?:wrong|mistaken)|i (?:misread|miscalculated|misspoke)"
    r"|let me (?:re-?\w+|double|check|correct|try again|start over)|i need to correct|to correct myself|i take (?:that|it) back"
    r"|i (?:should )?(?:change|revise|correct) my (?:answer|mind))"
    r"|\u7b49\u7b49|\u7b49\u4e00\u4e0b|\u4e0d\u5bf9[\uff0c,\u3002]|\u66f4\u6b63|\u3044\u3084|\u8a02\u6b63|\u5f85\u3063\u3066|\uc7a0\uae50|\uc544\ub2c8,"
)
"""What says that something written before was wrong, or may be."""

QUESTIONED = re.compile(r"[?\uff1f\u061f]['\"\u201d\u2019)\]]*\s*$")
