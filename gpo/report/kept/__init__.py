"""Pages of what is kept: prompts with their history, decisions, datasets, comparisons, and the list of all.

They are made anew from the database whenever somebody asks for them. Their templates lie in `gpo/report/page/`.
"""
