"""Builds the paper's meta-prompt, the request to the optimizer model for a new instruction (Tang et al., section 3).

It has labelled parts, each put there by one choice of the method.
"""

from collections.abc import Sequence

from gpo.formatting import count
from gpo.records import Example, Record, Scored
from gpo.search.cases import Batch, TrainingCase
from gpo.search.inform import Informed
from gpo.search.parts import PartShown
from gpo.search.requests.formatting import PLACEHOLDER, describe_case, format_score, list_examples
from gpo.search.requests.marks import Marks, draw_marks
from gpo.search.requests.ways import WAYS, Asking
from gpo.search.retrieve import Recalled
from gpo.spec.method import OptimizerSpec, Way
from gpo.spec.program_text import join_texts
from gpo.spec.search.objectives import bounds_of
from gpo.spec.task import TaskSpec
from gpo.words import split_words

LIST_HEADING = "Earlier instructions with their scores, from 0 to 100 (higher is better):"
SUMMARY_HEADING = "What earlier instructions and their scores have taught:"

_REQUESTS = {
    "generation": "Write a new improved instruction that differs from all of the above and leads to better answers.",
    "editing": "Modify the current instruction so that it leads to better answers: keep what works in it, and change "
    "what does not.",
}


class Section(Record):
    """One part of the meta-prompt; `choice` names what put it there, as the spec writes it."""

    name: str
    choice: str
    text: str


class Request(Record):
    """What one refinement starts from: so many `candidates` are asked for, within a `budget` of words (None: any).

    `ways` has the way of each of them, empty where all are asked for alike; `labelled` are training examples of each
    label, for the way that shows them, and `other` is the prompt that one merges with the current one. `part` is the
    prompt of a program that is asked for. At the places that it `keeps`, the instruction stays, and nothing is asked.
    """

    candidates: int
    informed: Informed
    recalled: Recalled
    examples: tuple[Example, ...]
    labelled: tuple[Example, ...] = ()
    ways: tuple[Way, ...] = ()
    other: Scored | None = None
    budget: int | None
    step: int
    part: PartShown | None = None
    keeps: tuple[int, ...] = ()

    def way_of(self, place: int) -> Way | None:
        """How the proposal at a place, from 0, is asked for."""
        return self.ways[place] if self.ways else None


def meta_prompt(spec: TaskSpec, request: Request, place: int = 0, marks: Marks | None = None) -> str:
    """The meta-prompt for the proposal at a place of one step, from 0."""
    return "\n\n".join(part.text for part in meta_prompt_parts(spec, request, place, marks))


def meta_prompt_parts(
    spec: TaskSpec, request: Request, place: int = 0, marks: Marks | None = None
) -> tuple[Section, ...]:
    """The parts of the meta-prompt in order; those without content are left out.

    `marks` are those of the step, for who asks for several of its proposals and has drawn them already.

    Scores belong to what brings them: without `score` in the information the current prompt is shown without its own,
    while the prompts of a trajectory keep theirs. A method without either shows no score at all.
    """
    options, marks = spec.optimizer, marks or marks_of(spec, request)
    asking = _asking(options, request, place)
    information = f"information: {options.information}"
    found = [
        Section(name="task", choice="prompt.description", text=_task_text(spec, request.part)),
        Section(name="program", choice=f"parts: {options.parts}", text=_program_text(request, marks)),
        Section(name="summary of the task", choice="grounding: true", text=_grounding_text(request)),
        Section(name="trajectory", choice=trajectory_choice(options), text=_trajectory_text(request, marks)),
        Section(name="current prompt", choice=information, text=_current_text(options, request)),
        Section(name="other prompt", choice="ways: merge", text=_other_text(request, place, marks)),
        Section(name="demonstrations", choice="demonstrations: searched", text=_shown_text(request)),
        Section(name="reflection", choice=f"{information}, batch: {options.batch}", text=_reflection_text(request)),
        _training_section(spec, request, place, asking.shows, marks),
        Section(name="request", choice=_request_choice(options, request, place), text=asking.request),
        Section(
            name="word limit", choice=limit_choice(options, request.budget, request.step), text=_limit_text(request)
        ),
        Section(name="bound", choice="objectives", text=_bound_text(options, request)),
        Section(name="form", choice=f"style: {options.style}", text=_form_text(marks)),
    ]
    return tuple(part for part in found if part.text)


def marks_of(spec: TaskSpec, request: Request) -> Marks:
    """The marks of a step's requests, which none of the texts that they show has in it.

    They are the same for all proposals of the step, so that a server can keep what their requests begin with.
    """
    informed, recalled = request.informed, request.recalled
    said = (recalled.summary, informed.current.candidate.instruction, informed.grounding, informed.reflection or "")
    examples = (list_examples(spec, shown) for shown in (request.examples, request.labelled))
    cases = (_list_cases(spec, batch) for batch in informed.batches)
    return draw_marks(
        spec.seed, [_list_others(request), _list_earlier(request), _describe_other(request), *examples, *cases, *said]
    )


def _asking(options: OptimizerSpec, request: Request, place: int) -> Asking:
    if (way := request.way_of(place)) is not None:
        return WAYS[way]
    return Asking(_REQUESTS[options.refinement], shows="cases" if options.shows_cases else "examples")


def _request_choice(options: OptimizerSpec, request: Request, place: int) -> str:
    way = request.way_of(place)
    return f"refinement: {options.refinement}" if way is None else f"ways: {way}"


def _training_section(spec: TaskSpec, request: Request, place: int, shows: str, marks: Marks) -> Section:
    """What is shown of the training examples."""
    options = spec.optimizer
    batch = request.informed.batch_of(place)
    if shows == "cases" and options.shows_cases and batch:
        return Section(name="cases", choice=cases_choice(options), text=_cases_text(spec, batch, marks))
    shown = request.labelled if shows == "labels" and request.labelled else request.examples
    return Section(name="examples", choice=f"examples: {options.examples}", text=_examples_text(spec, shown, marks))


def _cases_text(spec: TaskSpec, batch: Batch, marks: Marks) -> str:
    heading = f"Cases in which the current instruction stood in the place of {PLACEHOLDER}, with the model's answers:"
    if spec.target is not None:
        heading = "Cases in which the program ran with the current instruction, with what it did and its answers:"
    return f"{heading}\n\n{marks.fence(_list_cases(spec, batch))}"


def _list_cases(spec: TaskSpec, batch: Batch) -> str:
    return "\n\n".join(_case_text(spec, number, case) for number, case in enumerate(batch, start=1))


def _case_text(spec: TaskSpec, number: int, case: TrainingCase) -> str:
    verdict = "wrong" if case.sample.value == 0 else "right" if not case.is_failure else f"{case.sample.value:.2f} of 1"
    return describe_case(spec, f"Case {number} ({verdict}):", case.example, case.sample)


def trajectory_choice(options: OptimizerSpec) -> str:
    """The trajectory as the spec has it: `trajectory: relevance, k: 3`."""
    listed = options.trajectory not in ("none", "summary")
    return f"trajectory: {options.trajectory}" + (f", k: {options.k}" if listed else "")


def cases_choice(options: OptimizerSpec) -> str:
    """The cases as the spec has them: `information: cases, batch: 4`."""
    return f"information: cases, batch: {options.batch}"


def limit_choice(options: OptimizerSpec, budget: int | None, step: int) -> str:
    """The decay as the spec has it, and what it comes to: `decay: cosine (44 words at step 2)`."""
    decay = f"decay: {options.decay}" + (", warmup: true" if options.warmup else "")
    return decay if budget is None else f"{decay} ({count(budget, 'word')} at step {step})"


def _task_text(spec: TaskSpec, part: PartShown | None) -> str:
    about = spec.prompt.description
    if part is not None and part.is_text:
        goal = f": {about}" if about else ", such as the description of a tool"
        return f"You improve a text that a program hands to a language model{goal}. It is called the instruction here."
    goal = f" for this task: {about}" if about else ""
    return f"You improve the instruction that a language model is given{goal}."


def _program_text(request: Request, marks: Marks) -> str:
    """Which prompt of a program it is, and what the others say."""
    if (part := request.part) is None:
        return ""
    about = "are improved at the same time" if part.together else "stay as they are"
    kind = "text" if part.is_text else "prompt"
    return (
        f"The instruction is the {kind} `{part.name}` of a program. Scores are those of the whole program. Its other "
        f"prompts {about}:\n\n{marks.fence(_list_others(request))}"
    )


def _list_others(request: Request) -> str:
    others = {} if request.part is None else request.part.others
    return "\n\n".join(f"Prompt `{name}`: {text}" for name, text in others.items())


def _trajectory_text(request: Request, marks: Marks) -> str:
    if summary := request.recalled.summary:
        return f"{SUMMARY_HEADING}\n\n{summary}"
    listed = _list_earlier(request)
    return f"{LIST_HEADING}\n\n{marks.fence(listed)}" if listed else ""


def _list_earlier(request: Request) -> str:
    current = request.informed.current.candidate.instruction
    others = [item for item in request.recalled.neighbours if item.instruction != current]
    return "\n\n".join(f"Instruction: {item.instruction}\n{format_score(item)}" for item in others)


def _current_text(options: OptimizerSpec, request: Request) -> str:
    current = request.informed.current
    shown = f"Current instruction: {current.candidate.instruction}"
    return f"{shown}\n{format_score(current)}" if options.shows_score else shown


def _shown_text(request: Request) -> str:
    if not (shown := request.informed.current.candidate.shown):
        return ""
    return f"The model is shown {count(len(shown), 'worked example')} before each question, which you need not repeat."


def _other_text(request: Request, place: int, marks: Marks) -> str:
    if request.way_of(place) != "merge" or request.other is None:
        return ""
    heading = "Another instruction that does well, which was found on another way:"
    return f"{heading}\n\n{marks.fence(_describe_other(request))}"


def _describe_other(request: Request) -> str:
    other = request.other
    return "" if other is None else f"Instruction: {other.candidate.instruction}\n{format_score(other)}"


def _grounding_text(request: Request) -> str:
    grounding = request.informed.grounding
    return f"What examples of the task show:\n\n{grounding}" if grounding else ""


def _reflection_text(request: Request) -> str:
    reflection = request.informed.reflection
    return f"How the current instruction fares on training examples:\n\n{reflection}" if reflection else ""


def _examples_text(spec: TaskSpec, examples: Sequence[Example], marks: Marks) -> str:
    if not examples:
        return ""
    place = f"the instruction takes the place of {PLACEHOLDER}" if spec.target is None else "a program gets the inputs"
    return f"Examples of the task; {place}:\n\n{marks.fence(list_examples(spec, examples))}"


def _bound_text(options: OptimizerSpec, request: Request) -> str:
    most = bounds_of(options.objectives).get("words")
    if most is None:
        return ""
    bound = f"at most {count(int(most), 'word')}"
    if request.part is None:
        return f"The whole instruction has {bound}."
    others = len(split_words(join_texts(request.part.others)))
    return f"All prompts of the program have {bound} together, each with two for its name; the others have {others}."


def _limit_text(request: Request) -> str:
    if request.budget is None:
        return ""
    return f"Change at most {count(request.budget, 'word')} of the current instruction."


def _form_text(marks: Marks) -> str:
    begin, end = marks.answer
    return (
        f"{marks.rule} Do not mention the examples, do not answer them, and use no {{{{variables}}}}. "
        f"Begin the instruction with {begin} and end it with {end}."
    )
