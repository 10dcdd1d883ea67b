"""What a user may write in a task spec: one file a section, put together in `task.py`, read from YAML in `file.py`.

A decay of the word budget and the words for the parts of the method stand in `method.py`.
"""
