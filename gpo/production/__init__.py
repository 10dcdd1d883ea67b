"""Prompts in production: the starting point of a run, the decision to promote, and the approval of a person.

The champion is the prompt that is in production, the challenger the best prompt that a run has found. `decide.py`
promotes; `gpo.gate` only says whether the challenger is better.
"""
