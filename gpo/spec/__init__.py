"""What a user may write in a task spec: one file a section, put together in `task.py`, read from YAML in `file.py`.

The parts of the method and the presets are in `method.py`, the edit budget and its decay in `edit_budget.py`.
"""
