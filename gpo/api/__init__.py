"""The Python API, `gpo.optimize` and its kin: for notebooks and programs. `gpo/__init__.py` finds its names."""
