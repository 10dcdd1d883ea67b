"""What is looked at before anything is paid: whether answers can be kept, caps be held, and models be reached now."""

import asyncio
import errno
import json
import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gpo.database.writable import check_folder
from gpo.errors import InputError, ModelConfigError, ModelUnreachableError, SpecError
from gpo.progress import Event, Note, listen
from gpo.runs.job import load_job
from gpo.runs.preflight import preflight
from tests.support.fault_server import USAGE, Call, FaultServer, Sent, completion, faulting
from tests.support.fault_task import EXAMPLES, Spec, answered, evaluated, write
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return partial(write, tmp_path)


def checked(path: Path, **options: Any) -> None:
    asyncio.run(asyncio.wait_for(preflight(load_job(path), **options), 60))


@contextmanager
def small_files() -> Iterator[None]:
    """No file grows beyond 100 kB: as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# Where answers are kept


def test_a_state_folder_that_cannot_be_written_costs_no_call(spec: Spec, tmp_path: Path) -> None:
    with faulting(answered) as server:
        path = spec(server)
        (tmp_path / ".gpo").write_text("a file")
        with pytest.raises(InputError, match=r"the state folder .* is a file; set GPO_HOME"):
            evaluated(path)
        (tmp_path / ".gpo").unlink()
        with small_files(), pytest.raises(InputError, match=r"cannot be written to \(File too large\): make"):
            evaluated(path)
        assert server.calls == 0
        assert {each.name for each in tmp_path.iterdir()} == {"rows.jsonl", "spec.yaml"}
        evaluated(path)


def test_a_link_to_nowhere_costs_no_call(spec: Spec, tmp_path: Path) -> None:
    home = tmp_path / ".gpo"
    with faulting(answered) as server:
        path = spec(server)
        home.symlink_to(tmp_path / "nowhere" / "state")
        with pytest.raises(InputError, match=r"is a link to .*nowhere/state, which is not there"):
            evaluated(path)
        home.unlink()
        home.mkdir()
        (home / "gpo.db").symlink_to(tmp_path / "nowhere" / "gpo.db")
        with pytest.raises(InputError, match=r"gpo\.db cannot be opened"):
            evaluated(path)
        (home / "gpo.db").unlink()
        (home / "gpo.db").mkdir()
        with pytest.raises(InputError, match=r"gpo\.db cannot be opened"):
            evaluated(path)
        assert server.calls == 0


@pytest.mark.parametrize("part", ["results", "prefect.db"])
def test_a_part_of_the_state_folder_that_cannot_be_written_costs_no_call(
    part: str, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / ".gpo" / part
    place.parent.mkdir()
    place.touch() if place.suffix else place.mkdir()
    # Who runs the tests may be root, who may write anywhere.
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != place and access(path, mode))
    with faulting(answered) as server:
        with pytest.raises(InputError, match=rf"\.gpo/{part} cannot be written to"):
            evaluated(spec(server))
        assert server.calls == 0


def test_what_others_keep_in_the_state_folder_is_no_matter(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / ".gpo"
    (home / "lost+found").mkdir(parents=True)
    (home / "theirs.db").touch()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).parent != home and access(path, mode))
    with faulting(answered) as server:
        assert evaluated(spec(server))


def test_a_state_folder_that_may_not_be_entered_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shut(path: Path, **_follow: bool) -> os.stat_result:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "stat", shut)
    with pytest.raises(InputError, match=r"theirs/\.gpo cannot be written to \(Permission denied\): make"):
        check_folder(tmp_path / "theirs" / ".gpo")


def test_a_database_that_takes_no_answer_costs_no_call(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faulting(answered) as server:
        path = spec(server)
        evaluated(path)
        database = tmp_path / ".gpo" / "gpo.db"
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("DELETE FROM calls")
        monkeypatch.setenv("GPO_DATABASE_URL", f"sqlite:///file:{database}?mode=ro&uri=true")
        with pytest.raises(InputError, match="is read-only: make the file and its folder writable"):
            evaluated(path)
        assert server.calls == EXAMPLES


# Whether models can be reached


def test_the_live_check_notices_what_the_ledger_would_hide(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEY", "a-key-of-mine")
    with faulting(lambda call: completion("ready") if "ready" in call.text else answered(call)) as server:
        path = spec(server, task={"api_key_env": "OWN_KEY", "max_retries": 0})
        checked(path, searches=False)
        calls = server.calls
        checked(path, searches=False)
        assert server.calls == calls
        checked(path, searches=False, live=True)
        assert server.calls == calls + 1

        monkeypatch.delenv("OWN_KEY")
        with pytest.raises(ModelConfigError, match="the environment variable OWN_KEY is not set"):
            checked(path, searches=False, live=True)
        pasted = spec(server, task={"api_key_env": "sk_pasted_0123456789", "max_retries": 0})
        with pytest.raises(ModelConfigError, match="variable that `api_key_env` names is not set"):
            checked(pasted, searches=False, live=True)
        again = spec(server, task={"max_retries": 0})
    with pytest.raises(ModelUnreachableError, match="cannot connect"):
        checked(again, searches=False, live=True)


# Caps


def unmetered(call: Call) -> Sent:
    sent = completion("ready") if "ready" in call.text else answered(call)
    return Sent(sent.body.replace(json.dumps(USAGE).encode(), b"null"))


@pytest.mark.parametrize("cap", ["max_tokens", "max_cost"])
def test_a_cap_that_nobody_meters_is_refused(cap: str, spec: Spec) -> None:
    def with_cap(server: FaultServer, cap: str) -> Path:
        models = {
            role: {"model": f"openai:{role[0]}", "base_url": server.url, "price": {"input": 1, "output": 1}}
            for role in ("task", "optimizer")
        }
        return spec(server, models=models, budget={cap: 1_000_000})

    with faulting(unmetered) as server:
        with pytest.raises(SpecError, match=f"the model reports no usage; `budget.{cap}` cannot be kept"):
            checked(with_cap(server, cap))
        checked(with_cap(server, "max_calls"))


# Programs


def write_program(folder: Path, *loaded: str) -> Path:
    """A spec of a program of two prompts, which loads some of them."""
    loads = "".join(f"    load_prompt({name!r})\n" for name in loaded)
    code = f"from gpo import load_prompt\ndef answer(question):\n{loads}    return '4'\n"
    (folder / "program.py").write_text(code, encoding="utf-8")
    part = {"instruction": "Solve it.", "question": "{{question}}"}
    spec = {
        "name": "asks",
        "target": "program:answer",
        "prompts": {"plan": part, "solve": part},
        "dataset": {
            "path": str(ROOT / "examples" / "synthetic" / "questions.jsonl"),
            "input": "question",
            "reference": "answer",
            "split": {"train": 16, "dev": 16, "test": 16},
        },
        "answer": {"kind": "number"},
        "models": {"optimizer": "synthetic:optimizer", "embedding": "local:wordllama"},
    }
    (folder / "spec.yaml").write_text(json.dumps(spec), encoding="utf-8")
    return folder / "spec.yaml"


def test_a_program_that_reads_none_of_its_prompts_is_refused_and_one_that_reads_some_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"did not load prompt plan for any .*`load_prompt\(\"plan\"\)`"):
        checked(write_program(tmp_path))
    assert not (tmp_path / ".gpo" / "gpo.db").exists()
    told: list[Event] = []
    with listen(told.append):
        checked(write_program(tmp_path, "solve"))
    assert [event.text for event in told if isinstance(event, Note) and "did not load plan" in event.text]
