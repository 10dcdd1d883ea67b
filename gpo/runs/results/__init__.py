"""Every example behind the number: what a prompt was asked, what it answered, how that was read and scored.

Results are for people. No part of a search reads them, so a test example stays locked however often it is looked at.
As a pandas table: `results_frame` of `frame.py`.
"""
