"""What `gpo.optimize`, `gpo.evaluate` and `gpo.compare` give back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpo.api.cell import comparison_cell, run_cell, score_cell
from gpo.api.spec import UNNAMED, Spec
from gpo.comparison.results import Comparison
from gpo.database.engine import open_state
from gpo.errors import InputError, PromptError
from gpo.evaluation import few_shot
from gpo.gate.verdict import GateDecision
from gpo.names import PRODUCTION
from gpo.production.register import register_outcome, register_start
from gpo.prompts.candidate import candidate_prompt
from gpo.prompts.registry import Registry
from gpo.prompts.version import Move, prompt_content
from gpo.records import Example, Interval, Splits
from gpo.report import findings
from gpo.report.page.material import report_path
from gpo.report.run_json import candidates_table
from gpo.runs.job import Job
from gpo.runs.outcome import Outcome
from gpo.runs.results.frame import results_frame, table_of
from gpo.runs.results.result import RIGHT_FROM
from gpo.runs.score import InstructionScore
from gpo.settings import user_name

if TYPE_CHECKING:
    import pandas as pd
    from langchain_core.prompts import ChatPromptTemplate


@dataclass(frozen=True)
class Result:
    """A search that has ended: `outcome` has all about it, `told` what a person should know."""

    spec: Spec
    outcome: Outcome
    job: Job = field(repr=False)
    splits: Splits = field(repr=False)
    told: tuple[str, ...] = ()

    @property
    def best(self) -> str:
        """The best instruction; that of the start, where nothing better was found."""
        return self.outcome.best.candidate.instruction

    @property
    def verdict(self) -> GateDecision:
        """`promote`, `keep` or `not enough evidence`; `outcome.verdict` has the reasons and numbers."""
        return "keep" if self.outcome.verdict is None else self.outcome.verdict.decision

    @property
    def gain(self) -> Interval:
        """The gain on the locked test split, with the interval that the verdict rests on."""
        return self.outcome.gain

    @property
    def prompt(self) -> "ChatPromptTemplate":
        """The best prompt as a template of LangChain, to be tried at once: `result.prompt | model`."""
        spec, outcome = self.job.spec, self.outcome
        shown = few_shot.demonstrations_of(spec, outcome.best.candidate, self._demonstrations(), outcome.shown)
        content = prompt_content(spec.prompt.template, self.best, shown)
        return candidate_prompt(self.job.spec.name, content).template

    @property
    def report(self) -> Path:
        """The page with all about the run."""
        return report_path(self.job.home, self.outcome.run_id)

    def to_pandas(self, what: str = "test") -> "pd.DataFrame":
        """A row for each example of a split, `test` or `dev`, with what the best prompt and the start got for it.

        Or, of `candidates`, a row for each prompt that was scored.

        Raises:
            InputError: there is no such split.
        """
        if what == "candidates":
            return candidates_table(self.outcome)
        with open_state(self.job.settings, self.job.home) as engine:
            return results_frame(engine, self.outcome.run_id, split=what)

    def errors(self, split: str = "test") -> "pd.DataFrame":
        """The rows of `to_pandas` that the best prompt has wrong, unread and failed ones among them."""
        return _wrong(self.to_pandas(split))

    def promote(
        self,
        name: str | None = None,
        *,
        alias: str = PRODUCTION,
        why: str = "",
        who: str | None = None,
        anyway: bool = False,
    ) -> Move:
        """Keep the best prompt in the registry and point an alias to it: `gpo.load_prompt(name)` gives it from then on.

        The start is kept before it, and is in place if nothing was, so that a rollback leads there.

        Raises:
            InputError: the gate does not let it through, and it is not to be promoted `anyway`.
            PromptError: the prompt has no name, or a malformed one.
        """
        name = name or (self.job.spec.name if self.job.spec.name != UNNAMED else None)
        if name is None:
            raise PromptError("the prompt has no name: `promote('tickets')`, or give `name=` to the spec")
        if self.verdict != "promote" and not anyway:
            raise InputError(
                f"the verdict is `{self.verdict}`: {findings.headline(self.outcome).claim}; "
                "`promote(anyway=True)` promotes it all the same"
            )
        spec, who = self.job.spec, who or user_name()
        with open_state(self.job.settings, self.job.home) as engine:
            registry, shown = Registry(engine), self._demonstrations()
            register_start(registry, spec, shown, who=who, name=name, alias=alias)
            found = register_outcome(registry, spec, self.outcome, self.splits.fingerprint, shown, name=name)
            why = why or f"run {self.outcome.run_id}: {self.verdict}"
            return registry.promote(name, found.version.version, alias, who=who, why=why)

    def _demonstrations(self) -> tuple[Example, ...]:
        return few_shot.demonstrations(self.job.spec, self.splits)

    def __repr__(self) -> str:
        headline = findings.headline(self.outcome)
        return f"Result({self.outcome.run_id}: {headline.claim}{headline.detail} {self.verdict}; {self.best!r})"

    def _repr_html_(self) -> str:
        return run_cell(self.outcome, [*self.told, f"report: {self.report}"])


@dataclass(frozen=True)
class Evaluation:
    """The score of one prompt on one split: `measured` has all about it."""

    spec: Spec
    measured: InstructionScore = field(repr=False)
    told: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """The mean score, or the measure of the whole set, from 0 to 1."""
        return self.measured.score.mean

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95% interval."""
        return self.measured.score.interval()

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each example with what the prompt got for it."""
        return table_of(self.measured.results, compared=False)

    def errors(self) -> "pd.DataFrame":
        """The rows of `to_pandas` that are wrong, unread and failed ones among them."""
        return _wrong(self.to_pandas())

    def __repr__(self) -> str:
        low, high = self.interval
        measured = self.measured
        return f"Evaluation({measured.task} {measured.split}: {self.score:.3f}, 95% {low:.3f} to {high:.3f})"

    def _repr_html_(self) -> str:
        return score_cell(self.measured, self.told)


@dataclass(frozen=True)
class ComparisonResult:
    """Methods side by side: `comparison` has all about it, `folder` the report and its tables."""

    comparison: Comparison = field(repr=False)
    folder: Path
    told: tuple[str, ...] = ()

    def to_pandas(self, what: str = "summary") -> "pd.DataFrame":
        """A row for each method and task, or, of `runs`, `duels` and `curves`, for each of those.

        Raises:
            InputError: there is no such table.
        """
        import pandas as pd  # noqa: PLC0415 - takes longer than everything else here

        tables = {
            "summary": self.comparison.summary,
            "runs": self.comparison.cells,
            "duels": self.comparison.duels,
            "curves": self.comparison.curves,
        }
        if what not in tables:
            raise InputError(f"to_pandas: no table '{what}'; allowed: {', '.join(tables)}")
        return pd.json_normalize([row.model_dump(mode="json") for row in tables[what]])

    def __repr__(self) -> str:
        return f"ComparisonResult({self.comparison.title}; {self.folder})"

    def _repr_html_(self) -> str:
        return comparison_cell(self.comparison, [*self.told, f"report: {self.folder}"])


def _wrong(frame: "pd.DataFrame") -> "pd.DataFrame":
    return frame[~(frame["score"] >= RIGHT_FROM)].reset_index(drop=True)
