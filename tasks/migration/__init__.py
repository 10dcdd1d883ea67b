"""The steps of a migration as Prefect tasks: score a pair, and show what came of all."""
