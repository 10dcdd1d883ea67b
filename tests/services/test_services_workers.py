"""Prefect workers that run searches at once, their state on PostgreSQL: the results of one search after another."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from benchmarks.shared_work import SCORER, SLOTS, Place, by_prefect_workers, measure, one_after_another, serving
from tests.services.servers import postgresql

pytestmark = [pytest.mark.slow, pytest.mark.services, pytest.mark.usefixtures("own_environment")]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with postgresql() as server:
        place = Place(tmp_path, server.url, examples=16, steps=1, seeds=(1, 2))
        with place.databases:
            yield place


def test_workers_on_postgresql_buy_each_answer_once_and_keep_to_the_limit(place: Place) -> None:
    scorer = SCORER.format(work="pass")
    with serving(latency_ms=50) as url:
        spec = place.task("alone", url, scorer)
        alone = measure("one after another", url, partial(one_after_another, spec, place.seeds))
        workers = by_prefect_workers(place, url, scorer)
    assert len(workers.results) == len(place.seeds)
    assert workers.results == alone.results
    assert len({str(result) for result in workers.results}) == len(place.seeds)
    assert (workers.calls, workers.again) == (alone.calls, 0)
    assert 0 < workers.most <= SLOTS
