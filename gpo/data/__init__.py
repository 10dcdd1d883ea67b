"""Labelled data for a run: rows of any source in, disjoint and stable splits of examples out.

A file format, or a source of rows, is a file in `sources/`; a source is an option in `gpo.spec.dataset` too. Which rows
go together is said in `validation.py`, for runs and for pushes. What a file shows is guessed in `guess.py`.
"""
