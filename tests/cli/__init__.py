"""The commands, run in-process with an engine that needs no weights."""
