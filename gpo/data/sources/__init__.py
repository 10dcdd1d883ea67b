"""Where rows come from: files, data frames, the Hugging Face hub, a database. `tables.py` chooses."""
