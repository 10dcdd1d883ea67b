"""Yes and no, true and false, in a dozen languages, as phrases that `gpo.scoring.read_choice` looks for."""

from functools import lru_cache

from gpo.scoring.text.phrases import Phrase, Phrases
from gpo.scoring.text.plain import fold

_YES = """yes yeah yep ja oui sí si sì sim tak evet da да так ναι نعم हाँ हां כן ya có kyllä ano jo 是 是的 对 對 はい
    예 네 ใช่"""
_NO = """no nope nah nein non não nee nej nie hayır нет ні όχι لا नहीं לא tidak không ei 否 不是 不对 不對 不 いいえ
    아니요 아니오 아니 ไม่ใช่ ไม่"""
_PAIRS = {
    "true": "false", "valid": "invalid", "plausible": "implausible", "wahr": "falsch", "vrai": "faux",
    "vraie": "fausse",
    "verdadero": "falso", "verdadera": "falsa", "vero": "falso", "vera": "falsa", "verdadeiro": "falso",
    "verdadeira": "falsa",
    "waar": "onwaar", "sant": "falskt", "prawda": "fałsz", "prawdziwe": "fałszywe", "doğru": "yanlış",
    "истина": "ложь", "верно": "неверно", "правда": "неправда", "صحيح": "خطأ", "صح": "خطا",
    "सही": "गलत", "सत्य": "असत्य", "真": "假", "正确": "错误", "正確": "錯誤", "正しい": "間違い", "참": "거짓",
    "đúng": "sai", "benar": "salah", "αληθές": "ψευδές", "gültig": "ungültig", "valide": "invalide",
    "válido": "inválido",
}  # fmt: skip


# By themselves: "the correct answer is no" would say both.
_JUDGED = {"correct": "true", "incorrect": "false", "not correct": "false", "isn't correct": "false"}


@lru_cache(maxsize=1)
def booleans() -> Phrases:
    """What says true and false; yes and no only where they stand by themselves, "not valid" as "invalid"."""
    forms: dict[str, Phrase] = {}
    for words, meaning in ((_YES, "true"), (_NO, "false")):
        for word in words.split():
            forms[fold(word)] = Phrase(meaning, is_particle=True)
    for yes, no in _PAIRS.items():
        forms[fold(yes)] = Phrase("true", "false")
        forms[fold(no)] = Phrase("false", "true")
    forms["untrue"] = forms["false"]
    for form, meaning in _JUDGED.items():
        forms[form] = Phrase(meaning, is_particle=True)
    return Phrases(forms)


_SURELY = (
    "absolutely", "definitely", "certainly", "of course", "indeed", "almost certainly", "most likely", "probably",
)  # fmt: skip
_AS_A_WHOLE = {
    "i think so": "true", "i don't think so": "false", "i do not think so": "false", "i believe so": "true",
    "i don't believe so": "false", "that's correct": "true", "that's right": "true", "that is right": "true",
    "that's wrong": "false", "no way": "false", "not at all": "false",
    "that's not right": "false", "that's not correct": "false",
}  # fmt: skip


@lru_cache(maxsize=1)
def whole_booleans() -> Phrases:
    """What a reference, a field or a whole text may say for true and false, among it `not valid`, `definitely not`."""
    forms = {**booleans().forms, **{form: Phrase(meaning) for form, meaning in _AS_A_WHOLE.items()}}
    for word in _SURELY:
        forms[word] = Phrase("true")
        forms[f"{word} not"] = Phrase("false")
    for word, phrase in booleans().forms.items():
        if phrase.opposite and word.isascii():
            forms[f"not {word}"] = Phrase(phrase.opposite, phrase.meaning)
    return Phrases(forms)
