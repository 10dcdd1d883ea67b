"""Everything that a person reads in a file or on a page: of a run, a comparison, a decision, a dataset."""
