"""Where rows come from: files, data frames, the Hugging Face hub, a database.

A file of this folder registers its file formats (`files.py`) or its source (`registry.py`) by being here.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
