"""The work by this library, by LangChain, and by an HTTP client alone."""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.throughput.work import (
    BATCHES,
    CALLS,
    DEV,
    INSTRUCTION,
    LABELS,
    PROPOSALS,
    SLOTS,
    STEPS,
    Form,
    label,
    request,
    review,
)

Work = Callable[[], Awaitable[object]]


async def bare(url: str, form: Form) -> Work:
    """The HTTP client alone, without reading an answer: what Python and the machine allow."""
    import aiohttp  # noqa: PLC0415 - not counted, and not needed by the others

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    slots = asyncio.Semaphore(SLOTS)

    async def call(number: int) -> None:
        body = {"model": "mock", "messages": [{"role": "user", "content": request(number)}], "temperature": 0.0}
        async with slots, session.post(f"{url}/plain/v1/chat/completions", data=json.dumps(body)) as response:
            await response.read()

    await call(0)

    async def run() -> None:
        for batch in (batch for step in BATCHES[form] for batch in step):
            await asyncio.gather(*map(call, range(batch)))
        await session.close()

    return run


async def langchain(url: str, form: Form) -> Work:
    """`abatch` of LangChain's class for OpenAI-compatible servers; it keeps no answer."""
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - not counted, and not needed by the others

    address = f"{url}/plain/v1"
    model = ChatOpenAI(model="mock", base_url=address, api_key="none", temperature=0.0, max_retries=0)  # type: ignore[arg-type]
    await model.ainvoke("first")

    async def run() -> None:
        for batch in (batch for step in BATCHES[form] for batch in step):
            await model.abatch([request(each) for each in range(batch)], {"max_concurrency": SLOTS})  # type: ignore[arg-type]

    return run


async def ours(url: str, form: Form) -> Work:
    """`evaluate`, or a whole search with its proof: keys, claims, calls, ledger on disk, reading and scores."""
    return await (_evaluation(url) if form == "evaluation" else _optimize(url))


async def _evaluation(url: str) -> Work:
    from gpo.database.engine import open_database  # noqa: PLC0415 - not counted, and not needed by the others
    from gpo.evaluation.evaluate import evaluate  # noqa: PLC0415
    from gpo.models.ledger import Ledger  # noqa: PLC0415
    from gpo.models.models import open_models  # noqa: PLC0415
    from gpo.records import Example  # noqa: PLC0415
    from gpo.settings import Settings  # noqa: PLC0415
    from gpo.spec.task import TaskSpec  # noqa: PLC0415

    calls = CALLS["evaluation"]
    spec = TaskSpec.model_validate({**_spec(url, "plain"), "dataset": {**_COLUMNS, "path": "none.jsonl"}})
    examples = [Example(id=str(each), inputs={"text": review(each)}, reference=LABELS[0]) for each in range(calls)]
    folder = tempfile.TemporaryDirectory()
    engine = open_database(f"sqlite:///{Path(folder.name) / 'gpo.db'}")
    ledger = Ledger(engine)
    models = open_models(spec.models, Settings(), ledger)
    opened = await models.__aenter__()
    await opened.task.reach()

    async def run() -> None:
        score = await evaluate(opened.task, spec, INSTRUCTION, examples)
        assert (score.n, score.mean, opened.task.tally.paid) == (calls, 1.0, calls + 1)
        await models.__aexit__(None, None, None)
        await ledger.aclose()
        engine.dispose()
        folder.cleanup()

    return run


async def _optimize(url: str) -> Work:
    from gpo.runs.job import load_job  # noqa: PLC0415 - not counted, and not needed by the others
    from gpo.runs.optimize import optimize  # noqa: PLC0415

    folder = tempfile.TemporaryDirectory()
    home = Path(folder.name)
    sizes = {"train": 8, "dev": DEV, "test": 8}
    rows = [{"text": review(each), "label": label(each)} for each in range(sum(sizes.values()))]
    (home / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    method = {"preset": "gpo", "max_steps": STEPS, "patience": STEPS, "candidates": PROPOSALS}
    spec = {
        **_spec(url, "task"),
        "dataset": {**_COLUMNS, "path": "rows.jsonl", "split": sizes},
        "optimizer": method,
    }
    (home / "spec.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    job = load_job(home / "spec.yaml", home=home / "state")

    async def run() -> None:
        await optimize(job)
        folder.cleanup()

    return run


_COLUMNS = {"input": "text", "reference": "label"}


def _spec(url: str, path: str) -> dict[str, Any]:
    task, optimizer = (
        {"model": "openai:mock", "base_url": f"{url}/{each}/v1", "max_concurrency": SLOTS}
        for each in (path, "optimizer")
    )
    return {
        "name": "throughput",
        "prompt": {"instruction": INSTRUCTION, "messages": [{"user": "{{instruction}}\n\n{{text}}"}]},
        "answer": {"kind": "choice", "labels": list(LABELS)},
        "models": {"task": task, "optimizer": optimizer, "embedding": "local:wordllama"},
    }


OURS: dict[str, Callable[[str, Form], Awaitable[Work]]] = {
    "HTTP client alone": bare,
    "LangChain abatch": langchain,
    "this library": ours,
}
