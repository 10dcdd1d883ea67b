"""Several objectives of a search: what each prompt has of them, and those that no other beats in all."""
