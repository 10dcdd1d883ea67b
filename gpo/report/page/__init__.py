"""What the page of a run shows, part by part, as plain texts and records, and how it looks.

`run.html.j2` lays it out with the pieces of `parts.html.j2`; `page.css` is its style sheet and `page.js` its script,
without which everything can still be read. `index.html.j2` is the list of all reports of a state folder.
"""
