"""The hundred everyday things in the one drawing of each that training never meets: only for examination."""

from model.training.examining import examining

PART = examining("held_things")
