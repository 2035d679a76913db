"""The measurements: every module here puts one function, or a few that belong together, into the list."""

from importlib import import_module
from pkgutil import iter_modules

from service.bench.figures import MEASUREMENTS

__all__ = ["MEASUREMENTS"]

ORDER = ("queries", "moments", "appends", "commands", "visible", "rebuild")
"""Modules that run first, in this order; others follow by name."""

_found = sorted(module.name for module in iter_modules(__path__))
for _name in (*ORDER, *(name for name in _found if name not in ORDER)):
    import_module(f"{__name__}.{_name}")
