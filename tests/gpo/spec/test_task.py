"""Reading and checking a task spec, and what its fingerprint depends on."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from gpo.errors import SpecError
from gpo.scoring.rules.place import WhereSpec
from gpo.scoring.spec import ExtractSpec
from gpo.spec.file import load_spec
from gpo.spec.gate import NonInferiorSpec
from gpo.spec.models import ModelSpec, PriceSpec
from gpo.spec.production import ProductionSpec
from gpo.spec.prompt import PromptSpec, TextSpec
from gpo.spec.target import TargetSpec
from gpo.spec.task import TaskSpec
from tests.support.paths import ROOT

GOOD = """
name: reviews
prompt:
  instruction: Judge the review.
  messages:
    - system: Be brief.
    - user: "{{review}} {{instruction}}"
dataset:
  path: reviews.jsonl
  input: review
  reference: label
"""


QUESTION = {"instruction": "Judge.", "question": "{{review}}"}


def content(**changes: Any) -> dict[str, Any]:
    """The good spec as YAML gives it, changed at dotted paths with `__` for the dots."""
    whole: dict[str, Any] = yaml.safe_load(GOOD)
    for path, value in changes.items():
        *parents, name = path.split("__")
        part = whole
        for parent in parents:
            part = part.setdefault(parent, {})
        part[name] = value
    return whole


def load(folder: Path, text: str | bytes) -> TaskSpec:
    path = folder / "task.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_spec(path)


class _Whole(yaml.SafeDumper):
    """Writes a value that stands in two places twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def problem(folder: Path, text: str | bytes) -> str:
    with pytest.raises(SpecError) as caught:
        load(folder, text)
    return str(caught.value)


def test_a_short_spec_is_whole(tmp_path: Path) -> None:
    spec = load(tmp_path, GOOD)
    assert spec.prompt.variables == ("review",)
    assert [message.role for message in spec.prompt.template] == ["system", "user"]
    assert spec.dataset.input == ("review",)
    assert spec.models.task.is_local
    options = spec.optimizer
    assert (options.preset, options.information, options.decay) == ("minibatch", "cases", "none")
    assert (options.accept, options.current, options.candidates, options.batch) == ("expected", "expected", 4, 4)
    assert (options.max_steps, options.patience, options.restart) == (18, 6, True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [("user", "{{review}}\n{{instruction}}")]),
        ({"position": "answer"}, [("user", "{{review}}"), ("assistant", "{{instruction}}")]),
        ({"role": "system"}, [("system", "{{instruction}}"), ("user", "{{review}}")]),
    ],
)
def test_a_question_is_short_for_its_messages(changes: dict[str, str], expected: list[tuple[str, str]]) -> None:
    spec = TaskSpec.model_validate(content(prompt=QUESTION | changes))
    assert [(message.role, message.text) for message in spec.prompt.template] == expected
    assert spec.prompt.variables == ("review",)


def test_an_extraction_prompt_alone_is_short_for_itself() -> None:
    spec = TaskSpec.model_validate(content(answer={"extract": "Therefore, the answer is"}))
    assert spec.answer.extract == ExtractSpec(prompt="Therefore, the answer is", when="always", max_tokens=64)


def test_a_placeholder_that_is_no_variable_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("input: review", "input: [review, user-name]")
    found = problem(tmp_path, text.replace("Be brief.", "Be brief, {{user-name}}."))
    assert "messages hold {{user-name}}, which is no variable" in found
    assert "rename the field in the data" in found
    assert load(tmp_path, text).unused_inputs == ("user-name",)
    found = problem(
        tmp_path,
        GOOD.replace(
            'messages:\n    - system: Be brief.\n    - user: "{{review}} {{instruction}}"', 'question: "{{the review}}"'
        ),
    )
    assert "messages hold {{the review}}" in found


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs").mkdir()
    monkeypatch.chdir(tmp_path / "specs")
    text = GOOD.replace("path: reviews", "path: ../data/reviews") + "models: {task: models/own.gguf}\n"
    spec = load(Path(), text)
    monkeypatch.chdir("/")
    assert spec.dataset.path == tmp_path / "data" / "reviews.jsonl"
    assert spec.models.task.model == str(tmp_path / "specs" / "models" / "own.gguf")
    assert spec.models.optimizer.model == "local:smollm2-135m"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": "exact_match"}, "unknown key `metrics`; did you mean 'metric'?"),
        (
            {"models__task": "gpt-4o-mini"},
            "`models.task.model`: names no provider; write `provider:name`, such as `openai",
        ),
        (
            {"models__task": "gpt-4o-mini"},
            "such as `openai:gpt-4o-mini`, `local:NAME`, or a path to a .gguf file (recei",
        ),
        (
            {"models__task": "openai:"},
            "`models.task.model`: names no model; write `provider:name`, such as `openai:gpt",
        ),
        ({"models__task": ":gpt-4o"}, "names no provider; write `provider:name`, such as `openai:gpt-4o`"),
        ({"optimizer__max_stps": 3}, "unknown key `optimizer.max_stps`; did you mean 'max_steps'?"),
        ({"models__task": {"model": "x:y", "temperature": 1}}, "unknown key `models.task.temperature`; allowed: api_"),
        ({"dataset__split__eval": 3}, "unknown key `dataset.split.eval`; allowed: dev, test, train"),
        ({"metric": "exact_mach"}, "`metric.name`: unknown metric 'exact_mach'; did you mean 'exact_match'? (received"),
        ({"name": "Bad Name"}, "`name`: String should match pattern"),
        ({"dataset__input": ["reviews"]}, "the prompt uses {{review}}, which dataset.input does not list; did you"),
        ({"prompt__instruction": "  \n"}, "`prompt.instruction`: the starting instruction is blank"),
        ({"prompt__instruction": "Judge {{review}}."}, "the instruction holds {{review}}: put variables into `messag"),
        ({"prompt__messages": [{"user": "{{review}}"}]}, "hold {{instruction}} exactly once, found 0 times"),
        ({"prompt__messages": [{"user": "{{instruction}}"}] * 2}, "hold {{instruction}} exactly once, found 2 times"),
        (
            {"prompt__messages": [{"user": "{{instruction}}", "system": "x"}]},
            "message 1 must be one `role: text` pair, found 2",
        ),
        (
            {"prompt__messages": [{"bot": "{{instruction}}"}]},
            "Input should be 'system', 'user', 'assistant' or 'placeholder'",
        ),
        ({"prompt__messages": []}, "`prompt.messages`: Tuple should have at least 1 item"),
        ({"answer": {"kind": "choice", "labels": ["yes"]}}, "`answer`: kind `choice` needs at least two labels"),
        (
            {"answer": {"kind": "number", "labels": ["1"]}},
            "labels belong to the kinds `choice` and `labels`, not to `number`",
        ),
        ({"answer": {"kind": "choice", "labels": ["a", "A"]}}, "labels must differ by more than case"),
        ({"prompt__question": "{{review}}"}, "`prompt`: needs either `messages` or `question`, found both"),
        ({"prompt__messages": None}, "`prompt`: needs either `messages` or `question`, found neither"),
        (
            {"prompt__position": "end"},
            "`position` and `role` belong to `question`; in `messages`, {{instruction}} says",
        ),
        ({"prompt": QUESTION | {"position": "middle"}}, "`prompt.position`: Input should be 'before', 'beginning'"),
        (
            {"prompt": QUESTION | {"role": "system", "position": "end"}},
            "a system message stands before the question; leave out `position: end`",
        ),
        ({"prompt": QUESTION | {"question": "{{instruction}}"}}, "`question` holds {{instruction}}, which `position`"),
        ({"prompt": QUESTION | {"question": "{{text}}"}}, "the prompt uses {{text}}, which dataset.input does not"),
        ({"answer": {"extract": {"prompt": "So?", "when": "never"}}}, "Input should be 'always' or 'unparsed'"),
        (
            {"answer": {"extract": {"prompt": "So?", "wenn": "always"}}},
            "unknown key `answer.extract.wenn`; did you mean 'when'?",
        ),
        (
            {"models__task": {"model": "anthropic:x", "completion": True}},
            "`completion` is for `openai:NAME`, also at another server's `base_url`, `local:NAME` and .gguf files; the",
        ),
        (
            {"optimizer__decay": "cosinus"},
            "`optimizer.decay`: Input should be 'none', 'fixed', 'linear', 'cosine' or 'adaptive'",
        ),
        ({"optimizer": {"budget_start": 5, "budget_end": 6}}, "budget_end (6) must not exceed budget_start (5)"),
        ({"optimizer__max_steps": 0}, "`optimizer.max_steps`: Input should be greater than or equal to 1 (received 0)"),
        ({"max_failure_rate": 1.5}, "`max_failure_rate`: Input should be less than or equal to 1 (received 1.5)"),
        (
            {"models__task": {"model": "x:y", "parameters": {"logit_bias": {5: 1}}}},
            "`models.task.parameters.logit_bias.dict.5.[key]`: Input should be a valid string (received 5)",
        ),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    text = problem(tmp_path, yaml.dump(content(**changes), Dumper=_Whole))
    assert message in text
    assert text.startswith(f"{tmp_path / 'task.yaml'}: ")


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("name: reviews\n", "").replace("input: review\n", "inputs: review\n") + "seed: x\n"
    lines = problem(tmp_path, text).splitlines()
    assert len(lines) == 4
    assert any("`name` is missing" in line for line in lines)
    assert any("unknown key `dataset.inputs`; did you mean 'input'?" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "not valid YAML"),
        ("a: 1\n\tb: 2", "not valid YAML"),
        ("- a\n- b", "expected a mapping with keys such as name, prompt"),
        ("", "expected a mapping"),
        (b"name: caf\xe9", "cannot be read as UTF-8 text"),
    ],
)
def test_a_file_that_is_no_spec(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert message in problem(tmp_path, text)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.yaml: no such file; `gpo spec init"):
        load_spec(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"api_key": "sk-1234"}, "api_key"),
        ({"OPENAI-API-KEY": "sk-1234"}, "OPENAI-API-KEY"),
        ({"default_headers": {"Authorization": "Bearer sk-1234"}}, "Authorization"),
        ({"model_kwargs": [{"x-api-key": "sk-1234"}]}, "x-api-key"),
        ({"Ocp-Apim-Subscription-Key": "1234"}, "Ocp-Apim-Subscription-Key"),
        ({"token": "hf_1234"}, "token"),
        ({"hf_token": "hf_1234"}, "hf_token"),
        ({"credentials": {"user": "1234"}}, "credentials"),
    ],
)
def test_a_secret_among_the_parameters_is_refused_and_not_repeated(
    tmp_path: Path, parameters: dict[str, Any], name: str
) -> None:
    text = problem(tmp_path, yaml.safe_dump(content(models__task={"model": "openai:x", "parameters": parameters})))
    assert f"`models.task.parameters`: `{name}` looks like a secret; name its environment variable in" in text
    assert "1234" not in text


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "stop_token", "eos_token", "key_terms"])
def test_a_parameter_that_only_sounds_like_a_secret_passes(name: str) -> None:
    assert ModelSpec(model="openai:x", parameters={name: 1}).parameters == {name: 1}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("api_key_env", "sk-proj-1234", "must be the name of an environment variable, such as OPENAI_API_KEY"),
        ("api_key_env", "1234", "must be the name of an environment variable"),
        ("api_key_env", 1234, "Input should be a valid string"),
        ("base_url", "https://me:pw1234@host/v1", "must hold neither user and password nor a query; put keys into an"),
        ("base_url", "me:pw1234@host/v1", "must hold neither user and password nor a query"),
        ("base_url", "https://host/v1?api-key=1234", "name it in `api_key_env`"),
    ],
)
def test_a_key_in_the_wrong_place_is_refused_and_not_repeated(
    tmp_path: Path, field: str, value: object, message: str
) -> None:
    text = problem(tmp_path, yaml.safe_dump(content(models__task={"model": "openai:x", field: value})))
    assert f"`models.task.{field}`: " in text
    assert message in text
    assert "1234" not in text


@pytest.mark.parametrize("name", ["openai:gpt-4o-mini", "local:smollm2-135m", "models/own.gguf", "ollama:qwen3:8b"])
def test_every_form_of_a_model_name_is_taken(name: str) -> None:
    spec = ModelSpec(model=name, base_url="http://127.0.0.1:8080/v1/@1", api_key_env="_MY_KEY2")
    assert spec.model == name


@pytest.mark.parametrize(
    ("name", "field"), [("base_url", "base_url"), ("timeout", "timeout_s"), ("max_retries", "max_retries")]
)
def test_a_parameter_that_has_a_field_of_its_own_is_refused(name: str, field: str) -> None:
    with pytest.raises(ValidationError, match=f"`{name}` is no sampling parameter; set `{field}` of the model"):
        ModelSpec(model="openai:x", parameters={name: 1})


# The fingerprint

MODEL_DECIDES = {"model": "x:y", "base_url": "http://x/v1", "parameters": {"top_p": 0.7}, "completion": True}
MODEL_LEFT_OUT = {
    "api_key_env": "KEY",
    "max_concurrency": 7,
    "requests_per_minute": 7,
    "tokens_per_minute": 7,
    "timeout_s": 7.0,
    "max_retries": 7,
    "max_age_days": 7.0,
    "price": PriceSpec(input=1, output=2),
}

# Every field of a spec with another value. A new field has to be entered here: in one of the two.
DECIDES: Mapping[str, Any] = {
    "name": "others",
    "prompt.instruction": "Judge it.",
    "prompt.messages": ({"user": "{{review}}\n{{instruction}}"},),
    "prompt.question": "{{review}}",
    "prompt.position": "before",
    "prompt.role": "system",
    "prompt.description": "the mood",
    "dataset.input": ("review", "product"),
    "dataset.reference": "mood",
    "dataset.solution": "explanation",
    "dataset.id": "id",
    "dataset.group": "customer",
    "dataset.feedback": "comment",
    "dataset.split_field": "split",
    "dataset.split.train": 7,
    "dataset.split.dev": 7,
    "dataset.split.test": 7,
    "dataset.seed": 7,
    "answer.kind": "free",
    "answer.labels": ("yes", "no"),
    "answer.extract": ExtractSpec(prompt="Therefore, the answer is"),
    "answer.where": WhereSpec(after="Answer:"),
    "answer.allow_none": True,
    "metric.name": "numeric_match",
    "metric.parameters": {"tolerance": 0.7},
    "metric.source": "another",
    "few_shot": 7,
    "target": TargetSpec(call="app:answer"),
    "prompts": {"plan": PromptSpec(instruction="Plan.", question="{{review}}")},
    "texts": {"hint": TextSpec(text="Say less.")},
    "prompt.registry": "registry:other",
    "optimizer.information": "prompt",
    "optimizer.trajectory": "recency",
    "optimizer.warmup": True,
    "optimizer.refinement": "editing",
    "optimizer.batch": 7,
    "optimizer.max_steps": 7,
    "optimizer.patience": 7,
    "optimizer.candidates": 7,
    "optimizer.k": 7,
    "optimizer.examples": 7,
    "optimizer.decay": "linear",
    "optimizer.budget_start": 77,
    "optimizer.budget_end": 7,
    "optimizer.style": "continuation",
    "optimizer.race_after": 7,
    "optimizer.ways": ("paraphrase",),
    "optimizer.accept": "none",
    "optimizer.current": "step",
    "optimizer.restart": False,
    "optimizer.parts": "all",
    "optimizer.grounding": True,
    "optimizer.length_penalty": 0.1,
    "optimizer.demonstrations": "searched",
    "optimizer.objectives": {"score": None, "words": None},
    "optimizer.max_demonstrations": 7,
    "optimizer.shown": ("e7",),
    "budget.max_calls": 7,
    "budget.max_task_calls": 7,
    "budget.max_tokens": 7,
    "budget.max_cost": 7.0,
    "models.judge": ModelSpec(model="x:y"),
    "max_failure_rate": 0.7,
    "max_unparsed_rate": 0.7,
    "seed": 7,
    **{
        f"models.{role}.{name}": value
        for role in ("task", "optimizer", "embedding")
        for name, value in MODEL_DECIDES.items()
    },
}
LEFT_OUT: Mapping[str, Any] = {
    "metric.folder": Path("/elsewhere"),
    "metric.timeout_s": 5.0,
    "dataset.path": Path("/elsewhere.jsonl"),
    "dataset.hub": "org/reviews",
    "dataset.config": "small",
    "dataset.revision": "main",
    "dataset.sql": "SELECT review, label FROM reviews",
    "dataset.url_env": "REVIEWS_DB",
    "dataset.name": "reviews",
    "dataset.version": 7,
    "dataset.encoding": "cp1252",
    "dataset.delimiter": ";",
    "dataset.sheet": "Tickets",
    "dataset.on_bad_row": "skip",
    "optimizer.preset": "opro",
    "execution.runner": "dask",
    "execution.workers": 3,
    "execution.address": "tcp://scheduler:8786",
    "gate.min_gain": 0.02,
    "gate.confidence": 0.9,
    "gate.max_missing": 0.1,
    "gate.max_regression": 0.1,
    "gate.slices": ("product",),
    "gate.slice_margins": {"product=shoe": 0.1},
    "gate.max_growth": {"words": 0.5},
    "gate.when_worn": "stop",
    "gate.stop_early": True,
    "gate.non_inferior": NonInferiorSpec(margin=0.02),
    "production.prompt": "other",
    "production.alias": "staging",
    "production.approval": "required",
    "production.approval_days": 2.0,
    "production.warm_start": 0,
    "production.notify.when": ("kept",),
    "production.notify.blocks": ("slack-webhook/ops",),
    "production.notify.webhook_env": "OPS_WEBHOOK",
    **{
        f"models.{role}.{name}": value
        for role in ("task", "optimizer", "embedding")
        for name, value in MODEL_LEFT_OUT.items()
    },
}


def fields(part: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in part.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def changed(part: Any, path: str, value: Any) -> Any:
    name, _, rest = path.partition(".")
    return part.model_copy(update={name: changed(getattr(part, name), rest, value) if rest else value})


def test_every_field_is_in_the_fingerprint_or_left_out_on_purpose() -> None:
    assert not DECIDES.keys() & LEFT_OUT.keys()
    assert DECIDES.keys() | LEFT_OUT.keys() == set(fields(TaskSpec))


@pytest.mark.parametrize("path", DECIDES)
def test_what_decides_the_course_of_a_run_changes_the_fingerprint(path: str) -> None:
    spec = TaskSpec.model_validate(content())
    assert changed(spec, path, DECIDES[path]).fingerprint() != spec.fingerprint()


@pytest.mark.parametrize("path", LEFT_OUT)
def test_limits_keys_and_places_do_not(path: str) -> None:
    spec = TaskSpec.model_validate(content())
    other = changed(spec, path, LEFT_OUT[path])
    assert other != spec
    assert other.fingerprint() == spec.fingerprint()


def test_a_spec_without_newer_options_has_the_fingerprint_it_always_had() -> None:
    # With another one, every prompt in production would be searched anew, with the same data and the same spec.
    labels = {"answer": {"kind": "choice", "labels": ["a", "b"]}}
    models = {"models": {"task": "openai:m", "optimizer": "openai:o"}}
    dataset = {"path": "rows.jsonl", "input": ["text"], "reference": "label"}
    prompt = {"instruction": "Decide.", "question": "{{text}}"}
    content = {"name": "t", "prompt": prompt, "dataset": dataset, **labels, **models}
    spec = TaskSpec.model_validate({**content, "optimizer": "gpo"})
    assert spec.fingerprint() == "83914f7a0199"
    assert TaskSpec.model_validate(content).fingerprint() != spec.fingerprint()


def test_prices_decide_the_course_where_the_cost_is_capped() -> None:
    priced = {"models": {"task": {"model": "x:y", "price": {"input": 1, "output": 2}}}, "budget": {"max_cost": 7}}
    spec = TaskSpec.model_validate(content() | priced)
    assert changed(spec, "models.task.price", PriceSpec(input=1, output=3)).fingerprint() != spec.fingerprint()


def test_the_fingerprint_knows_a_model_file_by_its_name(tmp_path: Path) -> None:
    text = GOOD + "models: {task: own.gguf}\n"
    (tmp_path / "other").mkdir()
    one, elsewhere = load(tmp_path, text), load(tmp_path / "other", text)
    assert one.models.task.model != elsewhere.models.task.model
    assert one.fingerprint() == elsewhere.fingerprint()
    assert one.fingerprint() != load(tmp_path, text.replace("own", "another")).fingerprint()


def test_the_fingerprint_does_not_depend_on_how_the_spec_is_written(tmp_path: Path) -> None:
    spec = load(tmp_path, GOOD)
    (tmp_path / "other").mkdir()
    written_out = yaml.safe_dump({**spec.model_dump(mode="json"), "dataset": content()["dataset"]}, sort_keys=True)
    again = load(tmp_path / "other", f"# a comment{os.linesep}{written_out}")
    assert again.fingerprint() == spec.fingerprint()


def test_the_production_section_of_the_docs_can_be_used() -> None:
    text = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    prompt = {"instruction": "Which team?", "question": "{{ticket}}"}
    spec = TaskSpec.model_validate({"name": "tickets", "prompt": prompt, **yaml.safe_load(block)})
    assert spec.production.notify.when == ("promoted", "waiting", "failed")
    assert (spec.production.approval, spec.dataset.name, spec.gate.slices) == ("required", "tickets", ("channel",))


@pytest.mark.parametrize("alias", ["challenger", "latest", "v3", "Production", ""])
def test_what_applications_read_is_a_name_of_its_own(alias: str) -> None:
    with pytest.raises(ValueError, match="alias"):
        ProductionSpec(alias=alias)
