"""All everyday things, each in the one drawing of it that training never meets: only for examination."""

from model.training.thing_parts import examining

PART = examining("held_many", "all")
