"""Row rules on staged and release tables; offenders quarantine their whole conversation."""
