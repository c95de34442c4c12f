"""A lock for every name that is in use: a project that is changed, a recording that is measured.

    async with locks.setdefault(name, asyncio.Lock()):
        ...

Fair: who came first is first. A name that nobody holds or waits for takes no memory.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Hashable

KeyedLock = weakref.WeakValueDictionary[Hashable, asyncio.Lock]
