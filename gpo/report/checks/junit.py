"""A check as test results in the format of JUnit: a case for each rule of the gate, and for each broken example."""

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree as Xml

from gpo.formatting import count, printable, shorten, signed
from gpo.gate.verdict import GateVerdict
from gpo.production.check import PromptCheck
from gpo.report.checks import told
from gpo.runs.results.result import ExampleResult

SHOWN = 50
"""Broken examples that get a case each."""


class _Case(NamedTuple):
    """One case; `failure` is empty where it passes, and `is_allowed` where a failure stops nothing."""

    name: str
    failure: str = ""
    text: str = ""
    is_allowed: bool = False


def check_junit(check: PromptCheck) -> str:
    """The file as text. What is broken counts as failed only where the gate does not let the prompt pass."""
    passes = told.EXIT_CODES[check.outcome] == 0
    groups = {"gate": list(_rules(check)), "broken examples": list(_broken(check, is_allowed=passes))}
    suites = Xml.Element("testsuites", name=f"gpo check {check.prompt}")
    for name, cases in groups.items():
        if cases:
            _add_suite(suites, f"{check.prompt}: {name}", cases)
    Xml.indent(suites)
    return Xml.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _rules(check: PromptCheck) -> Iterator[_Case]:
    passes = told.EXIT_CODES[check.outcome] == 0
    verdict, failure = check.verdict, "" if passes else told.claim(check)
    if verdict is None:
        yield _Case("the gate lets it pass", text=told.claim(check))
        return
    yield _Case("the gate lets it pass", failure, "\n".join([*verdict.reasons, *told.warnings_of(check)]))
    yield _Case("gain", _gain_failure(verdict), told.gain_line(verdict))
    allowed = check.max_missing * (verdict.n + verdict.missing)
    lacking = f"{count(verdict.missing, 'example')} without a score of both"
    yield _Case("scores of both prompts", lacking if not verdict.n or verdict.missing > allowed else "", lacking)
    for measure in (each for each in verdict.measures if each.limit is not None):
        grown = f"{measure.champion:g} before, {measure.challenger:g} after; at most {measure.limit:+.0%} is allowed"
        yield _Case(f"growth of {measure.name}", grown if measure.broken else "", grown)
    for name in verdict.unmeasured:
        yield _Case(f"growth of {name}", "it has a limit, and is not known of both prompts")
    for part in verdict.slices:
        lost = f"{signed(part.gain.value)} on {part.n}, {signed(part.gain.low)} to {signed(part.gain.high)}"
        yield _Case(f"slice {part.name}", lost if part.broken else "", lost)
    if check.alias is not None:
        yield _Case(f"error budget of {check.alias}", verdict.ask or "", told.use_line(check))
    yield _Case("repeats no example", told.REPEATS if check.repeats_example else "")


def _gain_failure(verdict: GateVerdict) -> str:
    if verdict.gain.low > verdict.required:
        return ""
    what = "is below" if verdict.gain.high < verdict.required else "includes"
    return f"the interval {what} {verdict.required:g}"


def _broken(check: PromptCheck, *, is_allowed: bool) -> Iterator[_Case]:
    found = check.examples("broken")
    for each in found[:SHOWN]:
        yield _Case(each.example, f"broken: {shorten(each.answer or each.text)}", _shown(each), is_allowed)
    if len(found) > SHOWN:
        yield _Case("more", f"{count(len(found) - SHOWN, 'more example')} broken", is_allowed=is_allowed)


def _shown(result: ExampleResult) -> str:
    lines = [*(f"{name}: {text}" for name, text in result.input.items()), f"expected: {', '.join(result.expected)}"]
    return "\n".join([*lines, f"before: {result.before_text}", f"now: {result.text}"])[:4000]


def _add_suite(suites: Xml.Element, name: str, cases: list[_Case]) -> None:
    failed = [each for each in cases if each.failure and not each.is_allowed]
    skipped = [each for each in cases if each.failure and each.is_allowed]
    numbers = {"tests": len(cases), "failures": len(failed), "skipped": len(skipped), "errors": 0}
    suite = Xml.SubElement(suites, "testsuite", {"name": name, **{key: str(each) for key, each in numbers.items()}})
    for each in cases:
        case = Xml.SubElement(suite, "testcase", classname=name, name=printable(each.name))
        if each.failure:
            kind = "skipped" if each.is_allowed else "failure"
            Xml.SubElement(case, kind, message=printable(each.failure)).text = printable(each.text)
        elif each.text:
            Xml.SubElement(case, "system-out").text = printable(each.text)
