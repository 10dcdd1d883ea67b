"""The gate decides whether a challenger prompt is better than the champion: statistics, rule, verdict with reasons.

The rule is `apply_gate` in `rule.py`. A guard beside the gain, such as a limit on length, is a measure in `guards.py`.
"""
