"""The rules by which answers of each kind are read, and the place of an answer that a spec may name."""
