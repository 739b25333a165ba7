"""Content-addressed artifacts, published atomically, leased while they are made."""

from mood_sweeps.store.leases import Lease
from mood_sweeps.store.manifest import Manifest, Origin
from mood_sweeps.store.objects import Ref, Store

__all__ = ["Lease", "Manifest", "Origin", "Ref", "Store"]
