"""The files of a comparison: a report for people, tables for spreadsheets, everything for programs, and a picture."""

import os
from collections.abc import Mapping
from pathlib import Path

from gpo.comparison import Comparison
from gpo.comparison_page import comparison_markdown
from gpo.comparison_plot import INSTALL, can_plot, curves_picture
from gpo.comparison_tables import cells_table, curves_table

REPORT, WHOLE, RUNS, CURVES, PICTURE = "report.md", "comparison.json", "runs.csv", "curves.csv", "curves.png"


def write_files(folder: Path, comparison: Comparison) -> Mapping[str, bytes]:
    """Write all files, each whole or not at all; returns their contents by name. Without matplotlib, no picture."""
    files = {
        WHOLE: (comparison.model_dump_json(indent=2) + "\n").encode(),
        RUNS: cells_table(comparison).to_csv(index=False).encode(),
        CURVES: curves_table(comparison).to_csv(index=False).encode(),
    }
    has_picture = bool(comparison.curves) and can_plot()
    if has_picture:
        files[PICTURE] = curves_picture(comparison)
    report = comparison_markdown(comparison, PICTURE if has_picture else None, note=INSTALL)
    files[REPORT] = report.encode()
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        draft = folder / f"{name}.{os.getpid()}.tmp"
        draft.write_bytes(content)
        draft.replace(folder / name)
    return files
