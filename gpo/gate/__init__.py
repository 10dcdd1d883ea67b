"""Is the challenger better than the champion? The statistics, the rule, and the verdict with its reasons.

A guard beside the gain, such as a limit on length, is a measure in `guards.py`.
"""
