"""The pictures of a report, in SVG: one frame, one style, and a tip on every mark.

`canvas.py` has what they share. `gpo/report/chart.py`, which is also shown in the Prefect UI, is drawn with it too.
"""
