"""What a person reads in a file or on a page: of a run, a comparison, a decision, a dataset.

A run has three forms: `run_html.py`, `run_markdown.py` and `run_json.py`. What they say in common is in `findings.py`,
`gate.py` and `usage.py`: a new sentence or column begins there. What the page shows and how it looks is in `page/`, its
pictures are in `charts/`.
"""
