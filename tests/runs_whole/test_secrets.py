"""A key that a provider repeats in its refusal, in the middle of a run: nowhere on the screen, nowhere on the disk."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment, right, spec_content, write
from tests.support.endpoint import Reply, Request, serving

pytestmark = [pytest.mark.slow]

KEY = "no shape that anybody knows 0815"
CHECKED = 9


def test_a_key_in_a_refusal_is_neither_shown_nor_kept(tmp_path: Path, own_environment: None) -> None:
    def revoked(request: Request) -> Reply | str:
        # So long a text that it is cut in messages, right behind the key's beginning.
        return Reply(f"{'x' * 255}{KEY} is revoked", status=401) if request.number > CHECKED else right(request)

    with serving(revoked) as endpoint:
        content = spec_content(endpoint.url)
        for name in ("task", "optimizer"):
            content["models"][name] |= {"api_key_env": "MODEL_ACCESS", "max_concurrency": 2}
        path = write(tmp_path, content)
        command = [sys.executable, "-m", "flows.cli.app", "optimize", str(path)]
        variables = {**environment(), "MODEL_ACCESS": KEY, "GPO_HOME": str(tmp_path / "state")}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables, timeout=500)

    assert done.returncode == 1, done.stderr
    assert "xxx***" in done.stderr.replace("\n", "") or "401" in done.stderr
    shown = done.stdout + done.stderr
    pieces = [KEY[:12], KEY[-12:]]
    assert not [piece for piece in pieces if piece in shown]
    files = [each for each in (tmp_path / "state").rglob("*") if each.is_file()]
    assert {"prefect.db", "gpo.db"} <= {each.name for each in files}
    assert not [each for each in files if any(piece.encode() in each.read_bytes() for piece in pieces)]
