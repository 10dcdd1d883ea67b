"""How often the gate errs, how much it finds, and what its advice is worth.

    python -m benchmarks.gate_study single            # one decision on independent examples: a minute or two
    python -m benchmarks.gate_study groups            # examples that come in groups, such as one document
    python -m benchmarks.gate_study nights            # an alias that is decided about night after night
    python -m benchmarks.gate_study early             # proofs that stop early, and prompts that are merely not worse

`--write docs/gate.md` replaces the tables of that page, which stand between two marks. Each run gives the same numbers.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.gate_parts import early, groups, nights, single

PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "single": single.study,
    "groups": groups.study,
    "nights": nights.study,
    "early": early.study,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS, help="which tables")
    parser.add_argument("--write", type=Path, metavar="FILE", help="replace the tables of this page")
    given = parser.parse_args()
    begun = time.perf_counter()
    command = f"`python -m benchmarks.gate_study {given.part} --write docs/gate.md`"
    found = "\n\n".join([command, *PARTS[given.part]()])
    if given.write is None:
        print(found)
    else:
        begin, end = (f"<!-- study: {given.part} {mark} -->" for mark in ("begin", "end"))
        text = given.write.read_text(encoding="utf-8")
        before, after = text[: text.index(begin)], text[text.index(end) :]
        given.write.write_text(f"{before}{begin}\n\n{found}\n\n{after}", encoding="utf-8")
    print(f"took {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
