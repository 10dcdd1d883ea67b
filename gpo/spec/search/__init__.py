"""What the section `optimizer` of a spec says in files of its own: objectives, and what presets bring along."""
