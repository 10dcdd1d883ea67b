"""The database of a state folder: engine and transactions, tables, migrations.

A new table or column is a migration in `migrations/versions/` and the same in `tables.py`.
"""
