"""Content-addressed objects: published atomically, and leased while a launch makes them."""

from mood_sweeps.store.leases import Lease
from mood_sweeps.store.manifest import Manifest, Origin
from mood_sweeps.store.objects import Ref, Store

__all__ = ["Lease", "Manifest", "Origin", "Ref", "Store"]
