"""The results of a comparison as pandas tables: runs, points of their learning curves, and mean curves."""

from typing import TYPE_CHECKING

from gpo.comparison.results import ALL_TASKS, CellRow, Comparison, CurvePoint

if TYPE_CHECKING:
    import pandas as pd


def cells_table(comparison: Comparison) -> "pd.DataFrame":
    """One row a run, the columns of `CellRow`."""
    # Importing pandas takes longer than everything else here.
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame([row.model_dump() for row in comparison.cells], columns=list(CellRow.model_fields))


def curves_table(comparison: Comparison) -> "pd.DataFrame":
    """One row a point of a run's learning curve, the columns of `CurvePoint`."""
    import pandas as pd  # noqa: PLC0415 - as above

    return pd.DataFrame([point.model_dump() for point in comparison.curves], columns=list(CurvePoint.model_fields))


def mean_curves(comparison: Comparison, task: str = ALL_TASKS) -> "pd.DataFrame":
    """The mean learning curve of each method on a task, or over `ALL_TASKS`: a column a method, indexed by calls.

    A run keeps its best after its last call. The curves begin where every run has scored its start prompt.
    """
    points = curves_table(comparison)
    if task != ALL_TASKS:
        points = points[points["task"] == task]
    # A method that failed on one of the tasks would else be compared on the others.
    tasks = points.groupby(["arm", "seed"])["task"].transform("nunique")
    points = points[tasks == points["task"].nunique()]
    wide = points.pivot_table(index="calls", columns=["arm", "task", "seed"], values="best_dev", aggfunc="max")
    whole = wide.sort_index().ffill().dropna()
    arms = [arm.name for arm in comparison.arms if arm.name in whole.columns.get_level_values("arm")]
    return whole.T.groupby(level="arm").mean().T[arms]
