"""Words and marks around sets of labels: names of answers, what stands between two labels, and what says "none"."""

import re

LONGEST = 2000
"""Letters of a text that may be a set of labels."""

AROUND = "*_`\"'\u201c\u201d\u2018\u2019\u00ab\u00bb\u300c\u300d()[]{} "
TAIL = ".!\u3002\uff01 "
MARKS = r"[*_`\"'\u201c\u201d\u2018\u2019\u00ab\u00bb\u300c\u300d()\[\]{}]{0,4}"
BEFORE = rf"#?{MARKS}#?"
_AND = (
    r"and|as well as|plus|und|sowie|et|ainsi que|y|e|ed|og|och|en|i|oraz|и|та|а также|ve|dan|và|na|så|"
    r"και|ו|و"
)
BETWEEN = (
    rf"(?:\s*[,;|/+&\u3001\uff0c\uff1b\u00b7\u2022\u060c]\s*(?:(?:{_AND})\s+|&\s*)?|\s+(?:{_AND})\s+|\s*(?:和|与|與|及|以及|と|および|그리고|और)\s*|"
    r"(?<=\S)(?:와|과)\s+|(?<=[\u300d\u201d\"'`])[ \t]*(?=[\u300c\u201c\"'`]))"
)
"""What stands between two labels of a list."""

BOTH = re.compile(r"(?:both|all of|only|just|sowohl|tanto|à la fois)\s+")
MARKED = re.compile(
    r"^\s*(?:>\s*)?(?:[-*+\u2022\u2023\u25aa\u25cf\u2713\u2705]|\(?[0-9]{1,3}[.):])(?:\s+|(?=[^\W\d]))(?=\S)(.*)$"
)
"""A line of a list: its mark and what follows it."""

QUOTED = re.compile(r"^\s*>\s?")
FENCE = re.compile(r"^\s*`{3,}\w*\s*$")
SAID_OF_LABEL = re.compile(
    r"(?P<label>.{1,300}?)[*_`]{0,3}\s*(?:[:\uff1a]|\s[-\u2013\u2014]\s|\s?\(|\u2014)[*_`]{0,3}\s*"
)
TAG = re.compile(r"<(?P<name>[A-Za-z_][\w-]{0,30})>(?P<content>[^<]{0,2000})</(?P=name)\s?>")
ONE_LABEL = frozenset({"label", "tag", "category", "topic", "class"})

_NAMES = (
    r"(?:correct|right|chosen|selected) (?:options?|choices?|answers?)|"
    r"labels?|tags?|categor(?:y|ies)|topics?|classes|class|classifications?|themes?|intents?|emotions?|aspects?|"
    r"genres?|subjects?|keywords?|issues?|final|verdict|decision|selection|results?|output|kategorien?|themen?|etiketten?|étiquettes?|catégories?|thèmes?|etiquetas?|"
    r"categor[ií]as?|temas?|etichette?|categorie|temi|метки|категории|темы|теги|etiketler?|kategoriler?|"
    r"标签|標籤|类别|類別|分类|主题|ラベル|カテゴリー?|タグ|라벨|레이블|카테고리|태그|टैग|लेबल|التصنيفات|الوسوم|nhãn"
)
NAME = re.compile(rf"(?:^|(?<=[\W_]))(?:{_NAMES})(?:$|(?=[\W_]))", re.IGNORECASE)
NAMED = re.compile(
    rf"(?:^|(?<=[\W_]))(?:{_NAMES})(?:\s(?!not\b|no\b)[^\W\d]{{1,20}}){{0,4}}?[*_`)]{{0,3}}\s*"
    r"(?:(?:[:\uff1a=\uff1d]|(?<=\s)[-\u2013\u2014](?=\s))[\s*_`]*|"
    r"(?:\b(?:is|are|would be|should be|include|sind|ist|sont|est|son|es|sono|è|são|это|हैं)(?!\w)|是|は|은|는)"
    r"\s*[:\uff1a]?\s*(?!not\b))",
    re.IGNORECASE,
)
"""`Labels:`, `the labels that apply are`."""

NO_ANSWER_NAME = re.compile(
    r"(?:possible|available|allowed|candidates?|considered|given|"
    r"(?<!correct )(?<!right )(?<!chosen )(?<!selected )(?:options?|choices)|"
    r"choose from|all labels|all tags|"
    r"not|non|rejected|excluded|exclude|incorrect|wrong|previous|initial|first guess|alternatives?|ruled out|"
    r"unused|missing|irrelevant|mögliche|verfügbare|possibles|posibles|可选|候选)",
    re.IGNORECASE,
)
REASON = re.compile(
    r"(?:[.;,]?\s+(?:because|since|as the|as it|due to|given that|weil|parce que|car|porque|perché|потому)\b|"
    r"\s+(?:is|are)\s+(?:(?:both|all)\s+)?(?:correct|right|true|present|applicable|relevant)\b|\s+(?:both\s+)?appl(?:y|ies)\b|"
    r"\.\s+(?=\S)|\s+[-\u2013\u2014]\s+|\s*\u2014\s*|\uff0c?因为|\u3002)",
    re.IGNORECASE,
)
"""Where a statement ends and its reason begins."""

BUT_NOT = re.compile(
    r"[,;]?\s+(?:but\s+not|not(?!\s+(?:sure|certain|entirely|only))|rather than|instead of)\s", re.IGNORECASE
)
"""What stands after it is denied."""

NUMBER = re.compile(r"[\s0-9.,%/()]*")
"""What says how sure a label is, and not what it is."""

UNFINISHED = re.compile(rf"(?:[,;&+]|\b(?:{_AND}))\s*$")

LEADS = re.compile(
    r"(?:^|[.:\n]|\b(?:is|are|was|were|be|about|a|an|the|as|with|both|to|of|on|under|into|in|for|concerns?|covers?|mentions?|discusses|addresses|involves?|"
    r"expresse?s?|like|apply|include))\s*$",
    re.IGNORECASE,
)
ENDS = re.compile(
    r"\s*(?:only\s*)?(?:$|[.!\n]|(?:both\s+|all\s+)?(?:appl(?:y|ies)|labels?|tags?|categor(?:y|ies)|topics?)\b)",
    re.IGNORECASE,
)
"""What may stand before labels that a sentence names, and after them."""

DENIED_IN_BRACKETS = re.compile(r"\s*[(](?:but\s+)?not\s+(?!sure|certain)[^()]*[)]", re.IGNORECASE)
IN_BRACKETS = re.compile(r"\s*[(\uff08][^()\uff08\uff09]{3,}[)\uff09]")
ONCE_MORE = re.compile(
    r"^[\s,.:!\u2026\u2014-]*(?:(?:no|nope|actually|sorry|correction)\b[\s,.:!\u2026\u2014-]*)*", re.IGNORECASE
)
GOES_ON = re.compile(BETWEEN + r"(?=\S)")
CAME_BEFORE = re.compile(BETWEEN + "$")
"""A list that has more in it than labels."""

DOUBT = re.compile(
    r"\b(?:not|no(?! longer)|nor|neither|never|isn['\u2019]t|aren['\u2019]t|doesn['\u2019]t|don['\u2019]t|"
    r"cannot|can['\u2019]t|without|except|excluding|rather|instead|"
    r"unlike|or|either|maybe|perhaps|possibly|might|may|could|unsure|unclear|false|n/a|unlikely|hardly|"
    r"nicht|kein\w*|oder|ohne|vielleicht|pas|ni|ou|sans|o|tampoco|sin|quizás|non|né|oppure|forse|não|nem|talvez|"
    r"не|ни|или|нет|возможно|değil|veya|tidak|bukan|atau|không|hoặc)\b|不|没有|沒有|或|ない|または|아니|또는|नहीं|या|ليس|لا|أو",
    re.IGNORECASE,
)
"""Words by which a text may deny a label that it names, or leave it open."""

_LABEL = r"(?:labels?|tags?|categor(?:y|ies)|topics?|class(?:es)?)"
_APPLIES = r"(?:\s+appl(?:y|ies))?"
_OF_THEM = rf"(?:\s+of\s+(?:the|these|those|them)(?:\s+(?:above|listed|given))?(?:\s+{_LABEL})?)?"
NONE = re.compile(
    rf"(?:(?:there are\s+)?none{_OF_THEM}{_APPLIES}|"
    rf"(?:there are\s+)?no\s+(?:(?:applicable|matching|relevant|suitable)\s+)?{_LABEL}{_APPLIES}|"
    r"(?:the\s+)?empty\s+(?:set|list)|nothing applies|keine?(?:s|r)?(?:\s+(?:davon|labels?|kategorien?|zutreffend))?|"
    r"aucune?(?:\s+(?:étiquette|catégorie))?|ningun[oa](?:\s+(?:etiqueta|categoría))?|"
    r"nessun[oa]?(?:\s+(?:etichetta|categoria))?|nenhum[a]?(?:\s+(?:etiqueta|categoria|rótulo))?|"
    r"geen(?:\s+(?:labels?|categorie))?|нет(?:\s+(?:меток|категорий))?|"
    r"yok|hiçbiri|tidak ada|không có|无|無|没有|沒有|なし|該当なし|없음|कोई नहीं|لا شيء|لا يوجد)",
    re.IGNORECASE,
)
"""What says that no label applies."""

YES = re.compile(
    r"(?:yes|true|applies|present|1|y|[\u2713\u2714\u2705x]|ja|oui|sí|si|sì|sim|да|是|はい|예)", re.IGNORECASE
)
_NO = (
    r"(?:no|false|not applicable|does not apply|absent|0|n|[\u2717\u2718\u274c-]|nein|non|não|нет|否|いいえ|아니요|n/a)"
)
_HEAD = r"^\s*(?:[-*+\u2022]\s+|\|\s*|[0-9]{1,2}[.)]\s+)?"
_MARKED = r"[\u2713\u2714\u2705\u2717\u2718\u274c\u2611\u2610\U0001f5f8]|\[[ xX\u2713]\]"
JUDGED = re.compile(
    rf"{_HEAD}[*_`\"]{{0,3}}(?P<label>[^:\uff1a|=]{{1,300}}?)[*_`\"]{{0,3}}\s*"
    rf"(?:(?:[:\uff1a|=]|(?<=\w)\)(?=\s)|\s[-\u2013\u2014](?=\s))\s*[*_`]{{0,3}}"
    rf"(?P<verdict>{YES.pattern}|{_NO})[*_`]{{0,3}}\s*(?:\||[.,;]?\s*$|[.,;(]\s|\s[-\u2013\u2014]\s)"
    rf"|(?P<mark>{_MARKED})\s*$)|{_HEAD}(?P<before>{_MARKED})\s*[*_`\"]{{0,3}}(?P<after>[^:\uff1a|=]{{1,300}}?)[*_`\"]{{0,3}}\s*$",
    re.IGNORECASE,
)
"""A line that judges one label: `bug: yes`, `bug \u2713`, `[x] bug`."""

TICKED = re.compile(r"[\u2713\u2714\u2705\u2611\U0001f5f8]|\[[xX\u2713]\]")
