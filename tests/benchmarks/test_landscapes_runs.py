"""The runner: calls are those that the server counts, results are kept, and tables compare in pairs."""

import json
from pathlib import Path

import pytest

from benchmarks.landscapes.__main__ import main
from benchmarks.landscapes.client import Client, ExhaustedError
from benchmarks.landscapes.families import make_world
from benchmarks.landscapes.runner import list_runs, read_lines
from benchmarks.landscapes.server import Served
from benchmarks.landscapes.tables import make_tables, only_common


def test_a_prefix_of_the_runs_is_balanced() -> None:
    runs = list_runs({"a": None, "b": {}}, "all", range(6), [400, 200])
    assert [(run.method, run.seed) for run in runs[:4]] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert [run.budget for run in runs] == [400] * 12 + [200] * 12
    assert len({run.family for run in runs[:12]}) == 6
    assert len(list_runs({"a": None}, "every", range(2), [400])) == 12
    assert {run.family for run in list_runs({"a": None}, "noisy,labels", range(2), [400])} == {"noisy", "labels"}


def line(method: str, seed: int, quality: float) -> dict[str, object]:
    counts = {"best_tried": quality, "start": 0.3, "task_calls": 400, "tried": 9, "words": 40}
    return {
        "method": method,
        "family": "additive",
        "seed": seed,
        "budget": 400,
        "skill": 0.3,
        "study": "x",
        **counts,
    } | {"quality": quality}


def test_tables_compare_the_worlds_that_both_methods_have() -> None:
    lines = [*(line("gpo", seed, 0.4) for seed in range(5)), *(line("new", seed, 0.5) for seed in range(1, 7))]
    table = make_tables(lines, "gpo")
    assert "| new | 6 | 0.500 | +0.100 (+0.100 to +0.100) | 4 |" in table
    assert table.index("| new |") < table.index("| gpo |")
    assert len(only_common(lines)) == 8
    assert "1 runs ended with an error" in make_tables([*lines, {"method": "new", "error": "x"}], "gpo")
    assert "do not belong together" in make_tables([*lines, line("old", 0, 0.3) | {"study": "y"}], "gpo")


def test_peers_are_skipped_with_a_message_where_their_environment_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "python")
    out = str(tmp_path / "out.jsonl")
    assert main(["run", "--peer", "gepa", "--peers-python", missing, "--seeds", "0", "--out", out]) == 0
    assert f"skipped: {missing}" in capsys.readouterr().err


@pytest.mark.slow
def test_the_server_counts_refuses_and_ends_with_the_process_that_started_it() -> None:
    world = make_world("additive", 3)
    with Served() as served:
        client = Client(served.port, world.name, "one")
        client.open(2)
        asked = [{"role": "system", "content": world.start}, {"role": "user", "content": world.messages[0].text}]
        assert client.ask("task", asked)[0] in world.labels
        client.ask("task", asked)
        with pytest.raises(ExhaustedError, match="2 calls"):
            client.ask("task", asked)
        assert len(client.ask("optimizer", [{"role": "user", "content": "Write a new instruction."}], 3)) == 3
        found = client.close(world.start)
        assert (found["task_calls"], found["refused"], found["optimizer_calls"]) == (2, 1, 3)
        with pytest.raises(RuntimeError, match="no run"):
            client.ask("task", asked)
        client.hang_up()
    with pytest.raises(ConnectionRefusedError):
        client.open(None)
    client.hang_up()


@pytest.mark.slow
def test_our_presets_run_at_equal_calls_and_go_on_where_they_ended(tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    options = json.dumps({"preset": "gpo", "candidates": 1, "max_steps": 2})
    main(["run", "--ours", f"small={options}", "--seeds", "1", "--budget", "200", "--out", str(out)])
    [found] = read_lines([out])
    assert found["family"] == "interacting"
    # The start and two steps of one prompt on 30 examples; the server counts what the search says it has spent.
    assert (found["task_calls"], found["refused"], found["tried"]) == (90, 0, 3)
    assert found["best_tried"] >= found["quality"]
    main(["run", "--ours", f"small={options}", "--seeds", "1:3", "--budget", "200", "--out", str(out)])
    assert [item["seed"] for item in read_lines([out])] == [1, 2]
    quick = tmp_path / "quick.jsonl"
    main(["run", "--quick", "--ours", f"small={options}", "--seeds", "1", "--budget", "200", "--out", str(quick)])
    assert [item["prompt"] for item in read_lines([quick])] == [found["prompt"]]
