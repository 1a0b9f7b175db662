"""A hundred everyday things in several drawing styles: what, where, how many, beside what, in which box."""

from model.training.thing_parts import teaching

PART = teaching("things", "cpu")
