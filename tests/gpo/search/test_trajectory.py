import asyncio
import itertools
import json
import math
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from gpo.data.splits import load_splits
from gpo.errors import InputError, PermanentCallError, StateError
from gpo.models.local.embedder import load_embedder
from gpo.records import Candidate, Score, Scored
from gpo.runs.job import Checked, Job
from gpo.runs.run import open_run, rebuild_trajectory
from gpo.search.memory.neighbours import Neighbour
from gpo.search.memory.trajectory import Scope, Trajectory, open_trajectory
from gpo.settings import Settings
from gpo.spec.task import TaskSpec
from tests.support.paths import ROOT

SCOPE = Scope(task="reviews", dataset="d1", metric="exact_match", task_model="m1", embedding="words")
WORDS = re.findall(
    r"\w+", "read the review and say if customer is happy or not, answer with one word: positive, negative"
)

OWNER = """
import asyncio, sys
from pathlib import Path
from gpo.records import Candidate, Score, Scored
from gpo.settings import Settings
from gpo.search.memory.trajectory import Scope, open_trajectory

async def embed(texts):
    return [[1.0, float(len(text))] for text in texts]

async def own(home):
    scope = Scope(task="reviews", dataset="d1", metric="exact_match", task_model="m1", embedding="words")
    async with open_trajectory(scope, Settings(), home, embed) as trajectory:
        score = Score(values={}, planned=0)
        candidates = [Candidate(instruction="x" * n, step=n) for n in range(9)]
        await trajectory.add("r", [Scored(candidate=candidate, score=score) for candidate in candidates])
        print("added", flush=True)
        sys.stdin.readline()

asyncio.run(own(Path(sys.argv[1])))
"""


def bag(text: str) -> list[float]:
    """A hashed bag of words: the order of words does not matter, so ties are easily had."""
    vector = [0.0] * 64
    for word in text.split():
        vector[zlib.crc32(word.encode()) % 64] += 1.0
    return vector


async def embed(texts: Sequence[str]) -> list[list[float]]:
    return [bag(text) for text in texts]


def opened(home: Path, scope: Scope = SCOPE, wait_s: float = 60.0, url: str | None = None, **options: Any) -> Any:
    settings = Settings(chroma_url=url, chroma_wait_s=wait_s)
    return open_trajectory(scope, settings, home, options.pop("embed", embed), **options)


def in_trajectory(home: Path, work: Callable[[Trajectory], Awaitable[Any]], **options: Any) -> Any:
    async def run() -> Any:
        async with opened(home, **options) as trajectory:
            return await work(trajectory)

    return asyncio.run(run())


def scored(instruction: str, step: int = 0, number: int = 0, value: float = 0.5) -> Scored:
    return Scored(
        candidate=Candidate(instruction=instruction, step=step, number=number),
        score=Score(values={"e": value}, planned=1),
    )


def prompts(count: int, seed: int = 0) -> list[Scored]:
    """Distinct random prompts, 8 a step, most scores equal to others'."""
    rng = random.Random(seed)
    texts: dict[str, None] = {}
    while len(texts) < count:
        texts[" ".join(rng.sample(WORDS, rng.randint(2, 9)))] = None
    return [scored(text, n // 8, n % 8, rng.choice([0.25, 0.5, 1.0])) for n, text in enumerate(texts)]


def expected(rows: Sequence[Scored], current: Candidate, k: int, before_step: int) -> list[Neighbour]:
    """The definition, by brute force, for rows with distinct texts."""
    query = bag(current.instruction)

    def similarity(text: str) -> float:
        vector = bag(text)
        product = sum(a * b for a, b in zip(vector, query, strict=True))
        return round(product / math.hypot(*vector) / math.hypot(*query), 6)

    found = [
        Neighbour(
            instruction=row.candidate.instruction,
            percent=row.percent,
            similarity=similarity(row.candidate.instruction),
            step=row.candidate.step,
            number=row.candidate.number,
            n=1,
            planned=1,
        )
        for row in rows
        if row.candidate.step < before_step
    ]
    found.sort(
        key=lambda hit: (hit.similarity, hit.instruction == current.instruction, hit.percent, hit.step, hit.number)
    )
    return found[-k:]


@given(*(st.text(max_size=80) for _ in range(5)))
def test_a_scope_names_a_valid_collection(task: str, dataset: str, metric: str, model: str, embedding: str) -> None:
    scope = Scope(task=task, dataset=dataset, metric=metric, task_model=model, embedding=embedding)
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,61}[a-zA-Z0-9]", scope.collection)


def test_every_part_that_decides_a_score_separates_collections() -> None:
    parts = ("task", "dataset", "metric", "task_model")
    others = {SCOPE.model_copy(update={part: "other"}).collection for part in parts}
    assert len(others | {SCOPE.collection}) == 5
    assert SCOPE.model_copy(update={"embedding": "other"}).collection == SCOPE.collection
    assert SCOPE.collection.startswith("reviews-")


@pytest.mark.slow
@pytest.mark.parametrize(("count", "before_step"), [(20, 2), (400, 45)])
def test_the_most_similar_come_last_and_the_current_one_is_among_them(
    tmp_path: Path, count: int, before_step: int
) -> None:
    rows = prompts(count)

    async def work(trajectory: Trajectory) -> None:
        await trajectory.add("r", rows)
        for row, k in itertools.product(rows[:12], (1, 3, 9)):
            found = await trajectory.nearest("r", row.candidate, k, before_step)
            assert found == expected(rows, row.candidate, k, before_step)
            assert found[-1].instruction == row.candidate.instruction
            assert found[-1].similarity == 1.0
        newcomer = Candidate(instruction="say if the customer is glad", step=before_step)
        assert await trajectory.nearest("r", newcomer, 3, before_step) == expected(rows, newcomer, 3, before_step)

    in_trajectory(tmp_path, work)


def test_adding_again_changes_nothing_and_a_later_score_replaces(tmp_path: Path) -> None:
    rows = [scored("read the review", 0), scored("say one word", 1, 3)]

    async def work(trajectory: Trajectory) -> None:
        for again in (rows, rows, rows + rows, []):
            await trajectory.add("r", again)
        assert await trajectory.count("r") == 2
        await trajectory.add("r", [scored("say one word", 1, 3, value=1.0)])
        assert await trajectory.count("r") == 2
        found = await trajectory.nearest("r", rows[1].candidate, 1, 2)
        assert [(hit.percent, hit.number) for hit in found] == [(100.0, 3)]

    in_trajectory(tmp_path, work)


def test_only_what_is_new_is_embedded(tmp_path: Path) -> None:
    asked: list[str] = []

    async def counted(texts: Sequence[str]) -> list[list[float]]:
        asked.extend(texts)
        return await embed(texts)

    rows = [scored("read the review", 0), scored("say one word", 1), scored("answer", 2)]

    async def work(trajectory: Trajectory) -> None:
        await trajectory.add("r", rows[:2])
        await trajectory.add("r", rows)
        await trajectory.add("r", rows)
        assert asked == [row.candidate.instruction for row in rows]
        assert await trajectory.nearest("r", rows[0].candidate, 3, 9) == expected(rows, rows[0].candidate, 3, 9)

    in_trajectory(tmp_path, work, embed=counted)


@pytest.mark.slow
def test_ties_do_not_depend_on_the_order_of_adding(tmp_path: Path) -> None:
    rng = random.Random(1)
    anagrams = [" ".join(order) for order in itertools.permutations(["say", "one", "positive", "word", "please"])][:90]
    rows = [scored(text, n // 8, n % 8, rng.choice([0.5, 1.0])) for n, text in enumerate(anagrams)]
    rows += [scored("read the review", 12, 0), scored("read the review please", 12, 1)]

    async def work(trajectory: Trajectory) -> None:
        wanted = expected(rows, rows[40].candidate, 7, 13)
        for attempt in range(6):
            rng.shuffle(rows)
            for start in range(0, len(rows), 17):
                await trajectory.add(f"r{attempt}", rows[start : start + 17])
            current = next(row.candidate for row in rows if row.candidate.instruction == anagrams[40])
            assert await trajectory.nearest(f"r{attempt}", current, 7, 13) == wanted

    in_trajectory(tmp_path, work)


def test_equal_texts_appear_once(tmp_path: Path) -> None:
    rows = [scored("say one word", step, 0, value) for step, value in enumerate([0.5, 1.0, 0.5] * 15)]
    rows += [scored("say one thing", 3, 1), scored("read the review", 4, 1)]

    async def work(trajectory: Trajectory) -> None:
        await trajectory.add("r", rows)
        found = await trajectory.nearest("r", rows[0].candidate, 3, 99)
        assert [hit.instruction for hit in found] == ["read the review", "say one thing", "say one word"]
        assert (found[-1].percent, found[-1].step) == (100.0, 43)

    in_trajectory(tmp_path, work)


def test_later_steps_are_hidden_and_a_large_k_gives_what_there_is(tmp_path: Path) -> None:
    rows = prompts(40)

    async def work(trajectory: Trajectory) -> None:
        await trajectory.add("r", rows)
        for before_step in range(6):
            found = await trajectory.nearest("r", rows[0].candidate, 1000, before_step)
            assert len(found) == 8 * before_step
            assert all(hit.step < before_step for hit in found)

    in_trajectory(tmp_path, work)


def test_runs_and_scopes_do_not_mix(tmp_path: Path) -> None:
    text, other = "read the review", SCOPE.model_copy(update={"dataset": "d2"})

    async def work(here: Trajectory) -> None:
        async with opened(tmp_path, scope=other) as there:
            await here.add("r1", [scored(text, value=0.1)])
            await here.add("r2", [scored(text, value=0.2)])
            await there.add("r1", [scored(text, value=0.3)])
            current = scored(text).candidate
            for trajectory, run, percent in ((here, "r1", 10.0), (here, "r2", 20.0), (there, "r1", 30.0)):
                assert [hit.percent for hit in await trajectory.nearest(run, current, 9, 1)] == [percent]
            assert await there.nearest("r2", current, 9, 1) == []
            assert (await here.count("r1"), await there.count("r2")) == (1, 0)

    in_trajectory(tmp_path, work)


def test_a_text_without_a_known_word_is_similar_to_nothing(tmp_path: Path) -> None:
    async def silent(texts: Sequence[str]) -> list[list[float]]:
        return [[0.0, 0.0] if text == "???" else [1.0, 2.0] for text in texts]

    async def work(trajectory: Trajectory) -> None:
        await trajectory.add("r", [scored("???"), scored("read the review")])
        for text in ("???", "read the review"):
            found = await trajectory.nearest("r", scored(text).candidate, 2, 1)
            assert sorted(hit.similarity for hit in found) == ([0.0, 0.0] if text == "???" else [0.0, 1.0])
            assert found[-1].instruction == text

    in_trajectory(tmp_path, work, embed=silent)


@pytest.mark.parametrize("vectors", [[], [[math.nan, 1.0]], [[1.0], [2.0]]])
def test_wrong_vectors_are_refused(tmp_path: Path, vectors: list[list[float]]) -> None:
    async def broken(texts: Sequence[str]) -> list[list[float]]:
        return vectors

    async def work(trajectory: Trajectory) -> None:
        with pytest.raises(PermanentCallError, match="embedding model words: expected 1 vectors of finite numbers"):
            await trajectory.add("r", [scored("x")])

    in_trajectory(tmp_path, work, embed=broken)


@pytest.mark.slow
def test_what_was_added_is_there_after_reopening_and_survives_a_rebuild(tmp_path: Path) -> None:
    rows = {"r1": prompts(60, seed=1), "r2": prompts(30, seed=2)}

    async def fill(trajectory: Trajectory) -> None:
        for run, each in rows.items():
            await trajectory.add(run, each)
        await trajectory.add("forgotten", prompts(3))

    async def answers(trajectory: Trajectory) -> list[Any]:
        found = [await trajectory.nearest(run, rows[run][9].candidate, 5, 4) for run in rows]
        return [*found, await trajectory.count("forgotten")]

    in_trajectory(tmp_path, fill)
    before = in_trajectory(tmp_path, answers)
    in_trajectory(tmp_path, lambda trajectory: trajectory.rebuild(rows))
    assert in_trajectory(tmp_path, answers) == [*before[:2], 0]
    shutil.rmtree(tmp_path / "chroma")
    in_trajectory(tmp_path, lambda trajectory: trajectory.rebuild(rows))
    assert in_trajectory(tmp_path, answers) == [*before[:2], 0]


def test_another_embedding_is_refused_until_the_index_is_rebuilt_with_it(tmp_path: Path) -> None:
    async def other(texts: Sequence[str]) -> list[list[float]]:
        return [[1.0, float(len(text))] for text in texts]

    rows = prompts(5)
    changed: dict[str, Any] = {"scope": SCOPE.model_copy(update={"embedding": "other"}), "embed": other}
    in_trajectory(tmp_path, lambda trajectory: trajectory.add("r", rows))
    with pytest.raises(StateError, match=r"made with embedding model 'words', the task now names 'other'.*rebuild"):
        in_trajectory(tmp_path, lambda trajectory: trajectory.count("r"), **changed)
    in_trajectory(tmp_path, lambda trajectory: trajectory.rebuild({"r": rows}), rebuilding=True, **changed)
    assert in_trajectory(tmp_path, lambda trajectory: trajectory.count("r"), **changed) == 5


def test_a_run_and_a_rebuild_name_the_same_embedding(tmp_path: Path) -> None:
    pytest.importorskip("wordllama")
    rows = [{"text": f"review {number}", "label": "good"} for number in range(4)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec = TaskSpec.model_validate(
        {
            "name": "reviews",
            "prompt": {"instruction": "Judge.", "messages": [{"user": "{{instruction}} {{text}}"}]},
            "dataset": {
                "path": tmp_path / "rows.jsonl",
                "input": "text",
                "reference": "label",
                "split": {"train": 1, "dev": 1, "test": 2},
            },
        }
    )
    place = Job(spec=spec, home=tmp_path / "home", settings=Settings())

    checked = Checked(place, load_splits(place.spec))

    async def work() -> list[str]:
        async with open_run(checked) as first:
            pass
        assert await rebuild_trajectory(place) == 0
        async with open_run(checked) as second:
            return [run.scope.embedding for run in (first, second)]

    assert asyncio.run(work()) == [load_embedder("wordllama").identity] * 2


def test_a_damaged_folder_says_what_to_do_and_that_works(tmp_path: Path) -> None:
    in_trajectory(tmp_path, lambda trajectory: trajectory.add("r", prompts(5)))
    (tmp_path / "chroma" / "chroma.sqlite3").write_bytes(b"junk" * 999)
    with pytest.raises(StateError, match=r"remove .*/chroma; it is only an index and is rebuilt .* nothing is lost"):
        in_trajectory(tmp_path, lambda trajectory: trajectory.count("r"))
    shutil.rmtree(tmp_path / "chroma")
    (tmp_path / "chroma").touch()
    with pytest.raises(StateError, match=r"remove .*/chroma;"):
        in_trajectory(tmp_path, lambda trajectory: trajectory.count("r"))
    (tmp_path / "chroma").unlink()
    assert in_trajectory(tmp_path, lambda trajectory: trajectory.count("r")) == 0


@pytest.mark.slow
def test_runs_of_one_process_share_the_folder_until_the_last_has_left(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "chroma.lock")

    async def one(run: str) -> int:
        async with opened(tmp_path, wait_s=0) as trajectory:
            for row in prompts(12):
                await trajectory.add(run, [row])
            assert not lock.is_locked
            return int(await trajectory.count(run))

    async def work(trajectory: Trajectory) -> None:
        assert await asyncio.gather(*(one(f"r{number}") for number in range(4))) == [12] * 4
        # Others have left, this one goes on; another event loop of the process may join.
        assert await asyncio.to_thread(asyncio.run, one("r9")) == 12
        assert await trajectory.count("r0") == 12
        with pytest.raises(TimeoutError):
            lock.acquire(blocking=False)

    in_trajectory(tmp_path, work)
    lock.acquire(blocking=False)
    lock.release()


@pytest.mark.slow
def test_a_cancelled_run_leaves_the_folder_free_and_whole(tmp_path: Path) -> None:
    async def run(moment: float) -> None:
        async def work() -> None:
            async with opened(tmp_path, wait_s=0) as trajectory:
                await trajectory.add("r", prompts(200))
                await trajectory.add("r", prompts(200))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(work(), moment)

    for moment in (0.0, 0.001, 0.02, 0.05):
        asyncio.run(run(moment))
        with FileLock(tmp_path / "chroma.lock", blocking=False):
            pass
    in_trajectory(tmp_path, lambda trajectory: trajectory.add("r", prompts(200)))
    assert in_trajectory(tmp_path, lambda trajectory: trajectory.count("r"), wait_s=0) == 200


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the index of `tmp_path`, has added 9 prompts, and ends on a line of input."""
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "added\n"
        yield child
        child.kill()


@pytest.mark.slow
def test_a_second_process_waits_for_the_first(tmp_path: Path, owner: subprocess.Popen[str]) -> None:
    waits = []

    def on_wait() -> None:
        waits.append("waiting")
        assert owner.stdin is not None
        owner.stdin.write("end\n")
        owner.stdin.flush()

    assert in_trajectory(tmp_path, lambda trajectory: trajectory.count("r"), on_wait=on_wait) == 9
    assert waits == ["waiting"]


@pytest.mark.slow
def test_a_second_process_gives_up_and_takes_over_when_the_first_is_killed(
    tmp_path: Path, owner: subprocess.Popen[str]
) -> None:
    with pytest.raises(StateError, match=r"in use by another process.*0\.3 s.*`chroma run.*GPO_CHROMA_URL"):
        in_trajectory(tmp_path, lambda trajectory: trajectory.count("r"), wait_s=0.3)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert in_trajectory(tmp_path, lambda trajectory: trajectory.count("r"), wait_s=0) == 9


def test_a_server_that_is_not_there_or_not_one(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://me:hunter2@127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(
            StateError, match=r"Chroma server http://127\.0\.0\.1:\d+ cannot be used.*`chroma run`"
        ) as caught:
            in_trajectory(tmp_path, lambda trajectory: trajectory.count("r"), url=url)
    assert "hunter2" not in str(caught.value)
    for wrong in (
        "localhost:8000",
        "http://",
        "http://localhost:port",
        "http://[::1",
        "ftp://localhost",
        "http://localhost/path",
    ):
        with pytest.raises(InputError, match="GPO_CHROMA_URL"):
            in_trajectory(tmp_path, lambda trajectory: trajectory.count("r"), url=wrong)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Address and process of a Chroma server on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    command = [str(Path(sys.executable).parent / "chroma"), "run", "--path", str(tmp_path / "server")]
    with subprocess.Popen(
        [*command, "--host", address[0], "--port", str(address[1])], stdout=subprocess.DEVNULL
    ) as child:
        try:
            deadline = time.monotonic() + 60
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(address) == 0:
                        break
                assert time.monotonic() < deadline, "the Chroma server did not start"
            yield f"http://{address[0]}:{address[1]}", child
        finally:
            child.kill()


@pytest.mark.slow
def test_a_server_serves_several_and_its_loss_is_told(
    tmp_path: Path, server: tuple[str, subprocess.Popen[bytes]]
) -> None:
    rows = prompts(60)
    url, process = server

    async def work(first: Trajectory) -> None:
        async with opened(tmp_path, url=url) as second:
            await asyncio.gather(first.add("r1", rows), second.add("r2", rows[:9]))
        assert (await first.count("r1"), await first.count("r2")) == (60, 9)
        found = await first.nearest("r1", rows[3].candidate, 3, 8)
        assert found == expected(rows, rows[3].candidate, 3, 8)
        # Somebody else rebuilds: what is open goes on with the new collection.
        async with opened(tmp_path, url=url) as third:
            await third.rebuild({"r1": rows})
        assert (await first.count("r1"), await first.count("r2")) == (60, 0)
        assert await first.nearest("r1", rows[3].candidate, 3, 8) == found
        process.kill()
        process.wait()
        with pytest.raises(StateError, match=r"Chroma server .* cannot be used"):
            await first.count("r1")

    in_trajectory(tmp_path, work, url=url)
    assert not (tmp_path / "chroma").exists()


def test_a_real_embedding_finds_the_paraphrase(tmp_path: Path) -> None:
    wordllama = pytest.importorskip("wordllama")
    folder = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)

    async def embed_words(texts: Sequence[str]) -> list[list[float]]:
        return [list(map(float, vector)) for vector in model.embed(list(texts))]

    rows = [
        scored("Is the customer happy with the product?", 0),
        scored("Translate the following text into French.", 1),
        scored("Decide whether the client is satisfied with the item.", 2),
        scored("Count the words.", 3),
    ]

    async def work(trajectory: Trajectory) -> None:
        await trajectory.add("r", rows)
        found = await trajectory.nearest("r", rows[0].candidate, 2, 9)
        assert [hit.step for hit in found] == [2, 0]
        assert 0.3 < found[0].similarity < found[1].similarity == 1.0

    in_trajectory(tmp_path, work, embed=embed_words)


def test_who_goes_on_with_a_run_finds_what_who_began_it_found(tmp_path: Path) -> None:
    rows = prompts(60)
    rng = random.Random(1)
    vectors = {row.candidate.instruction: [rng.gauss(0, 1) for _ in range(64)] for row in rows}

    async def embed_finely(texts: Sequence[str]) -> list[list[float]]:
        return [vectors[text] for text in texts]

    async def ask(trajectory: Trajectory) -> list[list[Neighbour]]:
        return [await trajectory.nearest("r", row.candidate, 5, 99) for row in rows]

    async def begin(trajectory: Trajectory) -> list[list[Neighbour]]:
        await trajectory.add("r", rows)
        return await ask(trajectory)

    assert in_trajectory(tmp_path, begin, embed=embed_finely) == in_trajectory(tmp_path, ask, embed=embed_finely)
