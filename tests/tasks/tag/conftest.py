from __future__ import annotations

from hypothesis import settings

# a shared machine stalls now and then; no law here is about time
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
