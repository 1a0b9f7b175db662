"""All everyday things in drawing styles that training never meets: only for examination."""

from model.training.thing_parts import examining

PART = examining("unseen_many", "all")
