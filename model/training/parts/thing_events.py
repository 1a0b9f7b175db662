"""Clips in which everyday things move, come and go at a time: as those of shapes, with another cast."""

from model.training.events.item_parts import acting

PART = acting("thing_events")
