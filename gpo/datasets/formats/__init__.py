"""Exports of other tools, and published files, read as plain rows; and rows written for other tools.

A file of this folder registers its formats (`registry.py`) by being here.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
