"""Yes and no, true and false, in a dozen languages, as phrases that `gpo.scoring.read_choice` looks for."""

from functools import lru_cache

from gpo.scoring.text.phrases import Phrase, Phrases
from gpo.scoring.text.plain import fold

_YES = """yes yeah yep ja oui s\u00ed si s\u00ec sim tak evet da \u0434\u0430 \u0442\u0430\u043a \u03bd\u03b1\u03b9 \u0646\u0639\u0645 \u0939\u093e\u0901 \u0939\u093e\u0902 \u05db\u05df ya c\u00f3 kyll\u00e4 ano jo
\u662f \u662f\u7684 \u5bf9 \u5c0d \u306f\u3044 \uc608 \ub124 \u0e43\u0e0a\u0e48""".split()
_NO = """no nope nah nein non n\u00e3o nee nej nie hay\u0131r \u043d\u0435\u0442 \u043d\u0456 \u03cc\u03c7\u03b9 \u0644\u0627 \u0928\u0939\u0940\u0902 \u05dc\u05d0 tidak kh\u00f4ng ei
\u5426 \u4e0d\u662f \u4e0d\u5bf9 \u4e0d\u5c0d \u4e0d \u3044\u3044\u3048 \uc544\ub2c8\uc694 \uc544\ub2c8\uc624 \uc544\ub2c8 \u0e44\u0e21\u0e48\u0e43\u0e0a\u0e48 \u0e44\u0e21\u0e48""".split()
_PAIRS = {
    "true": "false", "valid": "invalid", "plausible": "implausible", "wahr": "falsch", "vrai": "faux", "vraie": "fausse",
    "verdadero": "falso", "verdadera": "falsa", "vero": "falso", "vera": "falsa", "verdadeiro": "falso", "verdadeira": "falsa",
    "waar": "onwaar", "sant": "falskt", "prawda": "fa\u0142sz", "prawdziwe": "fa\u0142szywe", "do\u011fru": "yanl\u0131\u015f",
    "\u0438\u0441\u0442\u0438\u043d\u0430": "\u043b\u043e\u0436\u044c", "\u0432\u0435\u0440\u043d\u043e": "\u043d\u0435\u0432\u0435\u0440\u043d\u043e", "\u043f\u0440\u0430\u0432\u0434\u0430": "\u043d\u0435\u043f\u0440\u0430\u0432\u0434\u0430", "\u0635\u062d\u064a\u062d": "\u062e\u0637\u0623", "\u0635\u062d": "\u062e\u0637\u0627",
    "\u0938\u0939\u0940": "\u0917\u0932\u0924", "\u0938\u0924\u094d\u092f": "\u0905\u0938\u0924\u094d\u092f", "\u771f": "\u5047", "\u6b63\u786e": "\u9519\u8bef", "\u6b63\u78ba": "\u932f\u8aa4", "\u6b63\u3057\u3044": "\u9593\u9055\u3044", "\ucc38": "\uac70\uc9d3",
    "\u0111\u00fang": "sai", "benar": "salah", "\u03b1\u03bb\u03b7\u03b8\u03ad\u03c2": "\u03c8\u03b5\u03c5\u03b4\u03ad\u03c2", "g\u00fcltig": "ung\u00fcltig", "valide": "invalide", "v\u00e1lido": "inv\u00e1lido",
}  # fmt: skip


# By themselves: "the correct answer is no" would say both.
_JUDGED = {"correct": "true", "incorrect": "false", "not correct": "false", "isn't correct": "false"}


@lru_cache(maxsize=1)
def booleans() -> Phrases:
    """What says true and false; yes and no only where they stand by themselves, "not valid" as "invalid"."""
    forms: dict[str, Phrase] = {}
    for words, meaning in ((_YES, "true"), (_NO, "false")):
        for word in words:
            forms[fold(word)] = Phrase(meaning, is_particle=True)
    for yes, no in _PAIRS.items():
        forms[fold(yes)] = Phrase("true", "false")
        forms[fold(no)] = Phrase("false", "true")
    for form, meaning in _JUDGED.items():
        forms[form] = Phrase(meaning, is_particle=True)
    return Phrases(forms)


@lru_cache(maxsize=1)
def whole_booleans() -> Phrases:
    """What a reference, a field or a whole text may say for true and false, among it `1` and `not valid`."""
    forms = dict(booleans().forms)
    for word, phrase in booleans().forms.items():
        if phrase.opposite and word.isascii():
            forms[f"not {word}"] = Phrase(phrase.opposite, phrase.meaning)
    return Phrases(forms)
