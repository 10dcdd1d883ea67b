"""From a model's text to an answer, and from an answer to a score.

A metric is a function in `metrics.py`. A kind of answer is a reader, `read_KIND.py`, and its row in `answers.py`.
"""
