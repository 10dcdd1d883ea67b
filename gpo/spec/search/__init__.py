"""What the section `optimizer` of a spec says that has a file of its own: what a preset brings along."""
