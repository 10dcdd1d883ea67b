"""Labelled data for a run: rows of any source in, disjoint and stable splits of examples out.

A source of rows is a file in `sources/`. What a file shows is guessed in `guess.py`.
"""
