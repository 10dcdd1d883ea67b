"""The parts of a text that can state an answer: sentences and their clauses, fields, marks, labels and numbers."""
