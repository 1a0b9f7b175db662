"""The hundred everyday things in the one drawing of each that training never meets: only for examination."""

from model.training.thing_parts import examining

PART = examining("held_things", "cpu")
