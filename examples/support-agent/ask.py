"""The agent as its users have it: a question a line, an answer a line, for as long as it lives.

It follows promotions and rollbacks while it runs: GPO_PROMPT_REFRESH_S says how soon. Its texts are read from the state
folder beside this file, as `gpo reoptimize` leaves it there, or from GPO_HOME.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("GPO_HOME", str(Path(__file__).with_name(".gpo")))

from support.agent import answer

if __name__ == "__main__":
    for line in sys.stdin:
        print(answer(line.strip()), flush=True)  # noqa: T201
