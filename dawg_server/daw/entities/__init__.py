"""The entities of a document, one file each: every module of this package is registered when it is imported."""

from __future__ import annotations

import importlib
import pkgutil

from dawg_server.daw import entity

for _found in pkgutil.iter_modules(__path__):
    for _value in tuple(vars(importlib.import_module(f"{__name__}.{_found.name}")).values()):
        if isinstance(_value, entity.EntityType):
            entity.register(_value)
