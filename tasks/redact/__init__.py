"""Redaction after publication: a leak that somebody found is masked in a patch release and in all later ones."""
