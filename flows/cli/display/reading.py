"""How one text is read and scored, as `gpo read` shows it."""

from collections.abc import Iterator

from gpo.scoring.answers import rule_by_rule
from gpo.scoring.case import Case
from gpo.scoring.reading import Reading


def reading_json(reading: Reading, score: float | None) -> dict[str, object]:
    """The answer (None where it is unread), the rule that made it, whether that is a weak one, and the score."""
    return {"answer": reading.answer, "rule": reading.rule, "weak": reading.weak, "score": score}


def reading_lines(case: Case, reading: Reading, score: float | None) -> Iterator[str]:
    """The same for a person, with what each rule would say."""
    answer = "unread" if reading.answer is None else repr(reading.answer)
    yield f"answer  {answer}"
    if reading.answer is None:
        why = f"rule `{reading.rule}` found more than one answer" if reading.rule else "no rule applies"
        yield f"rule    none: {why}"
    else:
        yield f"rule    {reading.rule}{' (weak: the text does not state it as its answer)' if reading.weak else ''}"
    if score is not None:
        yield f"score   {score:g}"
    yield ""
    for name, found in rule_by_rule(case.text, case.answer, case.question, cut=case.cut):
        said = "-" if found is None else "more than one answer" if found.answer is None else repr(found.answer)
        yield f"  {name:<12}{said}"
