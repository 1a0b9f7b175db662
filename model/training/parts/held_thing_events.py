"""Clips of everyday things in the one drawing of each that training never meets: only for examination."""

from model.training.events.item_parts import acting

PART = acting("held_thing_events", "held")
