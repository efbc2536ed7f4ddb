"""Is this release plausible next to the last one?"""
