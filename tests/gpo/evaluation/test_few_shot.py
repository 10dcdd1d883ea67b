"""Which demonstrations are shown: the same for all, never from dev or test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.errors import DatasetError
from gpo.evaluation.few_shot import demonstrations, without_demonstrations
from gpo.records import Example, Splits
from tests.support.outcomes import spec


def examples(prefix: str, count: int) -> tuple[Example, ...]:
    return tuple(
        Example(id=f"{prefix}{n}", inputs={"review": f"{prefix} {n}"}, reference="positive") for n in range(count)
    )


def splits(train: int = 6, few_shot: int = 0) -> Splits:
    return Splits(
        train=examples("train", train),
        dev=examples("dev", 4),
        test=examples("test", 4),
        few_shot=examples("shot", few_shot),
        fingerprint="f",
    )


@given(wanted=st.integers(0, 6), seed=st.integers(0, 50))
def test_they_are_training_examples_and_the_same_each_time(wanted: int, seed: int) -> None:
    task = spec(few_shot=wanted, seed=seed)
    shown = demonstrations(task, splits())
    assert shown == demonstrations(task, splits())
    assert len({example.id for example in shown}) == wanted
    assert all(example.id.startswith("train") for example in shown)


def test_another_seed_shows_others() -> None:
    shown = [demonstrations(spec(few_shot=3, seed=seed), splits()) for seed in range(8)]
    assert any(other != shown[0] for other in shown)


def test_the_examples_of_the_dataset_go_before_training_examples() -> None:
    shown = demonstrations(spec(few_shot=3), splits(few_shot=3))
    assert {example.id for example in shown} == {"shot0", "shot1", "shot2"}


def test_fewer_than_asked_for_are_an_error() -> None:
    with pytest.raises(DatasetError, match=r"`few_shot` asks for 7 demonstrations, and there are 6 training examples"):
        demonstrations(spec(few_shot=7), splits())
    with pytest.raises(DatasetError, match="there are 2 few-shot examples: lower it, or add some"):
        demonstrations(spec(few_shot=3), splits(few_shot=2))


def test_a_demonstration_is_not_asked_about() -> None:
    task, data = spec(few_shot=2), splits()
    shown = demonstrations(task, data)
    rest = without_demonstrations(data.train, shown)
    assert len(rest) == 4
    assert {example.id for example in (*rest, *shown)} == {example.id for example in data.train}
