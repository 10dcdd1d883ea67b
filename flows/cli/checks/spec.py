"""Checks of a task spec: the file, its data and its models."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

from flows.cli.checks.check import Check
from gpo.errors import GpoError


def check_spec(path: Path) -> Iterator[Check]:
    """The spec, its data and its models; what comes after a failure cannot be checked."""
    from gpo.data.splits import load_splits
    from gpo.runs.job import load_job

    def spec() -> str:
        loaded = load_job(path).spec
        return f"{loaded.name}: answer kind {loaded.answer.kind}, metric {loaded.metric.identity}"

    def dataset() -> str:
        splits = load_splits(load_job(path).spec)
        sizes = f"{len(splits.train)} train, {len(splits.dev)} dev, {len(splits.test)} test examples"
        return "; ".join([sizes, *splits.left_out, *splits.notes])

    def models() -> str:
        from gpo.progress import Note, listen
        from gpo.runs.preflight import preflight

        job = load_job(path)
        splits = load_splits(job.spec)
        known = {*splits.left_out, *splits.notes}
        told: list[str] = []
        with listen(lambda event: told.append(event.text) if isinstance(event, Note) else None):
            asyncio.run(preflight(job, live=True))
        named = job.spec.models
        answer = (
            f"answer: task {named.task.model}, optimizer {named.optimizer.model}, embedding {named.embedding.model}"
        )
        return "\n".join([answer, *(text for text in told if text not in known)])

    looks: tuple[tuple[str, Callable[[], str]], ...] = (("spec", spec), ("dataset", dataset), ("models", models))
    for name, look in looks:
        try:
            found = look()
        except GpoError as error:
            yield Check(name=name, state="failed", text=str(error))
            return
        yield Check(name=name, state="ok", text=found)
