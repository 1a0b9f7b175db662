"""Many files, one record each: what to do (plan), doing it (runner) and what is done (journal)."""
