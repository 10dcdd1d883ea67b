"""The steps of the search, each in a file of its name: inform, retrieve, refine, edit, select.

A retrieval strategy is a function in `retrieve.py`, a part of the meta-prompt a function in `meta_prompt.py`.
"""
