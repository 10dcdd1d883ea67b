"""The application as its users have it: a ticket a line, a team a line, for as long as it lives.

It follows promotions and rollbacks while it runs: GPO_PROMPT_REFRESH_S says how soon. Prompts are read from the state
folder beside this file, as `gpo reoptimize` leaves it there, or from GPO_HOME.
"""

import asyncio
import os
import sys
from pathlib import Path

os.environ.setdefault("GPO_HOME", str(Path(__file__).with_name(".gpo")))

from triage.pipeline import route

if __name__ == "__main__":
    for line in sys.stdin:
        print(asyncio.run(route(line.strip())), flush=True)  # noqa: T201
