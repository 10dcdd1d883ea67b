"""Compares methods: many runs side by side, over tasks and seeds, with equal numbers of model calls.

What is compared is in `arms.py` and `plan.py`, what came out in `results.py`. The report is `gpo.report.comparison`.
"""
