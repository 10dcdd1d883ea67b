"""The report of a run as one HTML page: no scripts, nothing fetched, readable on light and dark and on paper.

Whatever comes from the user or from a model passes through `_text` or `_block`, and nothing else puts it in a page.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from gpo import formatting
from gpo.gate.verdict import GateVerdict
from gpo.records import START_STEP, Rejection, Sample, Score, Step
from gpo.report import findings, usage
from gpo.report.chart import trajectory_svg
from gpo.report.findings import CandidateRow
from gpo.report.gate import (
    DECISIONS,
    MEASURE_HEAD,
    SLICE_HEAD,
    Row,
    measure_rows,
    reasons_beyond,
    slice_rows,
    verdict_facts,
)
from gpo.runs.outcome import Outcome, all_scored
from gpo.spec.task import TaskSpec
from gpo.words import word_difference

SHOWN_OF_ANSWER = 1200
"""Characters of a raw answer or a rejected proposal that the page shows."""

_CODE = re.compile(r"`([^`]*)`")

_STATUS = {"best": "best", "current": "was current", "scored": "", "dropped": "dropped early"}


def html_report(spec: TaskSpec, outcome: Outcome) -> str:
    """The whole report as a self-contained HTML document."""
    title = f"{_text(outcome.task)}: prompt optimisation report"
    sections = [
        _header(outcome),
        _verdict(spec, outcome),
        _section("Results", _results(outcome)),
        _section("Gate", *_gate(outcome.verdict)) if outcome.verdict else "",
        _section("Prompt", _prompts(outcome)),
        _section("Search", _chart(outcome), _candidates(outcome)),
        _section("Steps", *_steps(outcome)) if outcome.history else "",
        _section("Sample answers", *_samples(outcome)),
        _section(
            "Run", _rejections(outcome.rejected), _calls(outcome), _usage(spec, outcome), _settings(spec, outcome)
        ),
    ]
    body = "\n".join(section for section in sections if section)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<style>{STYLESHEET}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    return escape(formatting.printable(text))


def _block(text: str, limit: int | None = None) -> str:
    """Text with its own line breaks, cut at `limit` characters."""
    left = len(text) - limit if limit is not None else 0
    more = f'\n<span class="note">… and {formatting.count(left, "more character")}</span>' if left > 0 else ""
    # A line break right after the tag is dropped by browsers: this one is, so that one of the text's own is not.
    return f"<pre>\n{_text(text[:limit])}{more}</pre>"


def _own_words(text: str) -> str:
    """A text of ours, whose backticks become code."""
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def _section(title: str, *content: str) -> str:
    inner = "\n".join(part for part in content if part)
    return f"<section>\n<h2>{title}</h2>\n{inner}\n</section>"


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> str:
    """A table of cells that are HTML already; the first cell of a row names it."""
    css = dict.fromkeys(numeric, ' class="number"')
    top = "".join(f'<th scope="col"{css.get(index, "")}>{cell}</th>' for index, cell in enumerate(head))
    body = "\n".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{css.get(index, '')}>{cell}</td>" for index, cell in enumerate(row[1:], start=1))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" role="region" aria-label="{caption}" tabindex="0"><table>\n<caption>{caption}</caption>\n'
        f"<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _noted(value: str, note: str) -> str:
    return f'{value}<span class="note">{note}</span>'


def _header(outcome: Outcome) -> str:
    when = _text(outcome.started_at[:16].replace("T", " "))
    return (
        f'<header>\n<p class="kind">Prompt optimisation report</p>\n<h1>{_text(outcome.task)}</h1>\n'
        f'<p class="note">Run <code>{_text(outcome.run_id)}</code> · started {when} · '
        f"{formatting.duration(outcome.wall_s)}</p>\n</header>"
    )


def _verdict(spec: TaskSpec, outcome: Outcome) -> str:
    verdict = findings.verdict(outcome)
    advice = findings.hints(spec, outcome)
    items = "".join(f"<li>{_own_words(hint)}</li>" for hint in advice)
    todo = f"<h2>What to do next</h2>\n<ul>{items}</ul>" if advice else ""
    return (
        f'<div class="verdict {verdict.tone}">\n<p><strong>{escape(verdict.claim)}</strong>'
        f"{escape(verdict.detail)}</p>\n{_decision(outcome.verdict) if outcome.verdict else ''}{todo}</div>"
    )


def _decision(verdict: GateVerdict) -> str:
    lines = [f"<li>{_own_words(formatting.printable(reason))}</li>" for reason in reasons_beyond(verdict)]
    lines += [f'<li class="warning">{_own_words(formatting.printable(warning))}</li>' for warning in verdict.warnings]
    listed = f"<ul>{''.join(lines)}</ul>\n" if lines else ""
    return f'<h2>Gate: <span class="decision">{DECISIONS[verdict.decision]}</span></h2>\n{listed}'


def _gate(verdict: GateVerdict) -> Iterable[str]:
    yield f'<p class="note">{escape(verdict_facts(verdict))}</p>'
    if rows := slice_rows(verdict):
        yield _table("Slices of the test split", SLICE_HEAD, map(_gate_cells, rows), numeric=(1, 2))
    if rows := measure_rows(verdict):
        yield _table("What else changed", MEASURE_HEAD, map(_gate_cells, rows), numeric=(1, 2, 3, 4))


def _gate_cells(row: Row) -> list[str]:
    *cells, remark = map(_text, row.cells)
    return [*cells, f'<span class="{"wrong" if row.is_wrong else "note"}">{remark}</span>' if remark else ""]


def _results(outcome: Outcome) -> str:
    def cell(score: Score) -> str:
        note = f"{formatting.interval(*score.interval())} · {findings.counts(score)}"
        return _noted(formatting.fraction(score.mean), note)

    start, best, gain = outcome.start, outcome.best, outcome.gain
    rows = [["Start", cell(start.score), cell(outcome.start_test)]]
    if not findings.best_is_start(outcome):
        rows.append([_noted("Best", best.candidate.label), cell(best.score), cell(outcome.best_test)])
        interval = findings.gain_interval(outcome)
        dev_gain = formatting.signed(best.score.mean - start.score.mean)
        rows.append(
            ["Gain", _noted(dev_gain, "optimistic: chosen by it"), _noted(formatting.signed(gain.value), interval)]
        )
    caption = "Mean scores with 95% intervals. The search chose by dev; it never saw test."
    return _table(caption, ["Prompt", "Dev", "Test"], rows)


def _prompts(outcome: Outcome) -> str:
    start, best = outcome.start.candidate.instruction, outcome.best.candidate.instruction
    if findings.best_is_start(outcome):
        return f"<h3>The start, which stays</h3>\n{_block(start)}"
    return (
        f'<h3>What changed</h3>\n<p class="difference">{_difference(start, best)}</p>\n'
        f"<h3>Best</h3>\n{_block(best)}\n<details><summary>Start</summary>\n{_block(start)}</details>"
    )


def _difference(before: str, after: str) -> str:
    marks = {"same": "{}", "removed": "<del>{}</del>", "added": "<ins>{}</ins>"}
    return " ".join(marks[part.kind].format(_text(part.text)) for part in word_difference(before, after))


def _chart(outcome: Outcome) -> str:
    picture = trajectory_svg(outcome)
    return f'<div class="chart" role="region" aria-label="Dev score by step" tabindex="0">{picture}</div>'


def _candidates(outcome: Outcome) -> str:
    rows = [_candidate_cells(row) for row in findings.rank_candidates(findings.candidate_rows(outcome))]
    head = ["Candidate", "Score", "n", "Words changed", "Instruction"]
    return _table("All scored prompts, the best first", head, rows, numeric=(1, 2, 3))


def _candidate_cells(row: CandidateRow) -> list[str]:
    status = "start" if row.step == START_STEP and row.status != "best" else _STATUS[row.status]
    label = f'{row.candidate}<span class="status {row.status}">{status}</span>' if status else row.candidate
    size = str(row.n) if row.n == row.planned else f"{row.n} of {row.planned}"
    return [
        label,
        _noted(formatting.fraction(row.score), formatting.interval(row.low, row.high)),
        size,
        findings.describe_distance(row),
        f'<div class="prose">{_text(formatting.shorten(row.instruction))}</div>',
    ]


def _steps(outcome: Outcome) -> Iterable[str]:
    labels = {item.candidate.instruction: item.candidate.label for item in all_scored(outcome)}
    rows = {row.candidate: row for row in findings.candidate_rows(outcome)}
    return (_step(step, labels, rows) for step in outcome.history)


def _step(step: Step, labels: Mapping[str, str], rows: Mapping[str, CandidateRow]) -> str:
    def named(instruction: str) -> str:
        return labels.get(instruction) or f"“{_text(formatting.shorten(instruction))}”"

    shown = ", ".join(map(named, step.neighbours)) or "none"
    # A step without candidates does not tell its limit.
    limit = f"at most {formatting.count(step.budget, 'word')} changed; " if step.budget is not None else ""
    tops = [item.score.mean for item in step.scored if item.score.complete]
    top = f"top {formatting.fraction(max(tops))}" if tops else "none scored in full"
    items = [_full_candidate(rows[item.candidate.label]) for item in step.scored]
    items += [_full_rejection(item) for item in step.rejected]
    summary = f"Step {step.number}: {formatting.count(len(step.scored), 'candidate')}, {top}"
    return (
        f'<details><summary>{summary}</summary>\n<p class="note">From {named(step.current)}; '
        f"prompts shown: {shown}; {limit}{formatting.count(len(step.rejected), 'proposal')} rejected.</p>\n"
        + "\n".join(items)
        + "</details>"
    )


def _full_candidate(row: CandidateRow) -> str:
    label, _, size, words, _ = _candidate_cells(row)
    score = f"{formatting.fraction(row.score)} ({formatting.interval(row.low, row.high)})"
    verdict_facts = f'<p class="note">{score} · n {size} · words changed: {words}</p>'
    return f"<h3>{label}</h3>\n{verdict_facts}\n{_block(row.instruction)}"


def _full_rejection(rejection: Rejection) -> str:
    reason = rejection.reason.replace("_", " ")
    return f'<h3>Rejected <span class="status">{reason}</span></h3>\n{_block(rejection.text, SHOWN_OF_ANSWER)}'


def _samples(outcome: Outcome) -> Iterable[str]:
    yield _answers("Answers to the start on test, wrong ones first", outcome.start_test.samples)
    if not findings.best_is_start(outcome):
        yield _answers("Answers to the best on test, wrong ones first", outcome.best_test.samples)


def _answers(caption: str, samples: Sequence[Sample]) -> str:
    if not samples:
        return f'<p class="note">{caption}: none kept.</p>'
    rows = [
        [
            f"<code>{_text(sample.example)}</code>",
            _block(sample.text, SHOWN_OF_ANSWER),
            '<span class="note">unparsed</span>' if sample.answer is None else _text(sample.answer),
            formatting.fraction(sample.value, 2),
        ]
        for sample in samples
    ]
    return _table(caption, ["Example", "What the model wrote", "Read as", "Score"], rows, numeric=(3,))


def _rejections(rejected: Mapping[str, int]) -> str:
    rows = [[_text(reason.replace("_", " ")), f"{number:,}"] for reason, number in rejected.items() if number]
    if not rows:
        return '<p class="note">No proposal was rejected.</p>'
    return _table("Rejected proposals", ["Reason", "Proposals"], rows, numeric=(1,))


def _calls(outcome: Outcome) -> str:
    rows = [[_text(role), *(f"{number:,}" for number in numbers)] for role, numbers in usage.call_rows(outcome.calls)]
    head = ["Role", "Paid", "From the ledger", "Failed", "Tokens in", "Tokens out"]
    return _table("Model calls, and the tokens of the paid ones", head, rows, numeric=range(1, 6))


def _usage(spec: TaskSpec, outcome: Outcome) -> str:
    rows = [[_text(role), *cells] for role, cells in usage.usage_rows(spec, outcome.usage)]
    if not rows:
        return ""
    line = usage.cost_line(outcome)
    cost = f'\n<p class="note">Cost: {line}.</p>' if line else ""
    head = ["Role", "Calls", "Tokens in", "Tokens out", "Cost"]
    return _table("Usage in full, with what came from the ledger", head, rows, numeric=range(1, 5)) + cost


def _settings(spec: TaskSpec, outcome: Outcome) -> str:
    pairs = findings.settings_rows(spec, outcome)
    items = "".join(f"<div><dt>{name.capitalize()}</dt><dd>{_text(value)}</dd></div>" for name, value in pairs)
    return f"<h3>Settings</h3>\n<dl>{items}</dl>"


def report_path(home: Path, run_id: str) -> Path:
    """Where the HTML report of a run lies."""
    return home / "reports" / f"{run_id}.html"


def write_report(home: Path, spec: TaskSpec, outcome: Outcome) -> Path:
    """Write the HTML report, whole or not at all."""
    path = report_path(home, outcome.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(html_report(spec, outcome), encoding="utf-8")
    draft.replace(path)
    return path


STYLESHEET = """
:root{--page:#f8f9fa;--card:#fff;--ink:#212529;--soft:#5c636a;--line:#dee2e6;--accent:#0b7285;--wash:#e3f2f5;
--code:#f1f3f5;--added:#d3f0dc;--removed:#fde0dd;--added-ink:#0b5227;--removed-ink:#8c1d18;
--amber:#b35c00;--red:#b3261e}
@media (prefers-color-scheme:dark){
:root{--page:#121518;--card:#1b1f24;--ink:#e9ecef;--soft:#a5adb5;--line:#343a40;--accent:#3bc9db;--wash:#12343b;
--code:#22272d;--added:#123d22;--removed:#4a1d1b;--added-ink:#a3e9b9;--removed-ink:#ffb8b1;
--amber:#ffb454;--red:#ff8a80}
}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:900px;margin:0 auto;padding:40px 24px 72px}
header p{margin:0}
.kind{color:var(--accent);font-size:14px;font-weight:600}
h1{margin:2px 0 6px;font-size:30px;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{margin:0 0 12px;font-size:20px;line-height:1.3}
h3{margin:20px 0 8px;font-size:15px;line-height:1.4}
section{margin-top:44px}
.note{color:var(--soft);font-size:14px;font-weight:400}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
code{background:var(--code);border-radius:4px;padding:.1em .35em;overflow-wrap:anywhere}
pre{margin:0;padding:12px 14px;background:var(--card);border:1px solid var(--line);border-radius:8px;
white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.5}
td pre{padding:0;border:0;background:none}
.verdict{margin-top:28px;padding:18px 22px;background:var(--card);border:1px solid var(--line);
border-left:5px solid var(--soft);border-radius:8px}
.verdict p{margin:0;font-size:19px;line-height:1.45}
.verdict strong{font-weight:650}
.verdict.better{border-left-color:var(--accent)}.verdict.better strong{color:var(--accent)}
.verdict.worse{border-left-color:var(--red)}.verdict.worse strong{color:var(--red)}
.verdict.unclear{border-left-color:var(--amber)}.verdict.unclear strong{color:var(--amber)}
.verdict h2{margin:16px 0 4px;font-size:15px}
.verdict ul{margin:0;padding-left:20px;font-size:15px}
.verdict li+li{margin-top:6px}
.verdict.better .decision{color:var(--accent)}.verdict.worse .decision{color:var(--red)}
.verdict.unclear .decision{color:var(--amber)}
.verdict .warning::marker{content:"!\\00a0\\00a0";color:var(--amber);font-weight:700}
.wrong{color:var(--red);font-weight:600}
.wide{overflow-x:auto;margin-top:20px}
section>h2+.wide{margin-top:0}
.wide:focus-visible,.chart:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{width:100%;border-collapse:collapse;font-size:15px}
caption{text-align:left;color:var(--soft);font-size:14px;padding-bottom:6px}
th,td{padding:8px 16px 8px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
thead th{font-size:13.5px;font-weight:600;color:var(--soft);white-space:nowrap;vertical-align:bottom}
tbody th{font-weight:600;white-space:nowrap}
td{overflow-wrap:anywhere}
.number{text-align:right;white-space:nowrap}
td .note,th .note{display:block;font-size:13px}
.status{display:block;width:fit-content;font-size:12.5px;font-weight:500;color:var(--soft)}
.status.best{color:var(--accent);font-weight:650}
h3 .status{display:inline;margin-left:8px}
p .note{display:inline;margin-left:6px}
.difference{margin:0;padding:14px 16px;background:var(--card);border:1px solid var(--line);border-radius:8px;
line-height:1.75;overflow-wrap:anywhere}
ins,del{border-radius:3px;padding:.08em .2em;-webkit-box-decoration-break:clone;box-decoration-break:clone}
ins{background:var(--added);color:var(--added-ink);text-decoration:underline;text-decoration-thickness:1px;
text-underline-offset:3px}
del{background:var(--removed);color:var(--removed-ink)}
.prose{min-width:15em}
.chart{overflow-x:auto}
.chart svg{display:block;width:100%;min-width:560px;height:auto}
details{margin-top:10px;border:1px solid var(--line);border-radius:8px;background:var(--card);padding:0 16px}
details[open]{padding-bottom:16px}
details pre{background:var(--page)}
summary{cursor:pointer;padding:10px 0;font-weight:600;font-size:15px}
details>.note{margin:0}
dl{margin:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:12px 24px}
dt{color:var(--soft);font-size:13.5px}
dd{margin:0;overflow-wrap:anywhere}
@media (max-width:560px){main{padding:24px 16px 48px}.verdict p{font-size:17px}}
@media print{
:root{--page:#fff}
body{font-size:11pt}
main{max-width:none;padding:0}
section{margin-top:28px}
.wide{overflow:visible}
tr,.verdict,.chart,h2,h3{break-inside:avoid}
h2,h3{break-after:avoid}
ins,del{-webkit-print-color-adjust:exact;print-color-adjust:exact}
details:not([open])::details-content{content-visibility:visible;display:block;block-size:auto}
}
"""
