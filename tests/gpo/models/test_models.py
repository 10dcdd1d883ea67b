"""The models of a run, opened by name."""

from typing import Any

import pytest

from gpo.errors import ModelConfigError
from gpo.models.client import open_embedding
from gpo.models.local.embedder import load_embedder
from gpo.models.models import open_models
from gpo.models.sharing import HeldAnswers, share_tallies
from gpo.settings import Settings
from gpo.spec.models import ModelSpec, ModelsSpec
from tests.support.fakes import in_time
from tests.support.keys import PLAIN, key, models_spec


def test_an_unknown_provider_is_refused_when_it_is_asked_or_embeds() -> None:
    async def run() -> None:
        async with open_models(models_spec(model="nobody:x"), Settings(), HeldAnswers()) as models:
            await models.task.ask(key(models.task), PLAIN)

    with pytest.raises(ModelConfigError, match="nobody:x"):
        in_time(run())
    with pytest.raises(ModelConfigError, match="nobody:x"):
        open_embedding(ModelSpec(model="nobody:x"))


def test_an_embedding_says_what_its_vectors_depend_on() -> None:
    async def identity(spec: ModelsSpec) -> str:
        async with open_models(spec, Settings(), HeldAnswers()) as models:
            return models.embedding_identity

    assert in_time(identity(models_spec())) == "openai:embed"
    assert in_time(identity(ModelsSpec())) == load_embedder("wordllama").identity


def test_roles_and_default_temperatures() -> None:
    async def run() -> None:
        spec = models_spec(parameters={"temperature": 0.3})
        async with open_models(spec, Settings(), HeldAnswers()) as models:
            assert (models.task.role, models.optimizer.role) == ("task", "optimizer")
            assert models.task.spec.parameters == {"temperature": 0.3}
            assert models.optimizer.spec.parameters == {"temperature": 1.0}

    in_time(run())


def test_models_opened_one_after_the_other_count_together() -> None:
    async def tallies() -> tuple[Any, Any]:
        async with open_models(models_spec(), Settings(), HeldAnswers()) as models:
            return models.task.tally, models.optimizer.tally

    with share_tallies():
        first, second = in_time(tallies()), in_time(tallies())
    apart = in_time(tallies())
    assert first[0] is second[0]
    assert first[1] is second[1]
    assert first[0] is not first[1]
    assert apart[0] is not first[0]


def test_every_text_that_is_embedded_is_counted() -> None:
    async def run() -> tuple[int, int]:
        async with open_models(ModelsSpec(), Settings(), HeldAnswers()) as models:
            await models.embed(["a", "b"])
            await models.embed(["c"])
            return models.embedding_tally.paid, models.task.tally.paid

    assert in_time(run()) == (3, 0)


def test_the_optimizer_model_judges_without_temperature_where_no_judge_is_named() -> None:
    async def parameters(**spec: Any) -> tuple[str, Any]:
        content = {"task": "openai:x", "optimizer": {"model": "openai:y", "parameters": {"temperature": 0.9}}, **spec}
        async with open_models(ModelsSpec.model_validate(content), Settings(), HeldAnswers()) as models:
            assert models.judge.role == "judge"
            return models.judge.spec.model, models.judge.spec.parameters["temperature"]

    assert in_time(parameters()) == ("openai:y", 0.0)
    assert in_time(parameters(judge="openai:z")) == ("openai:z", 0.0)
    named = {"model": "openai:z", "parameters": {"temperature": 0.2}}
    assert in_time(parameters(judge=named)) == ("openai:z", 0.2)
