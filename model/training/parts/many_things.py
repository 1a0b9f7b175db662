"""All everyday things that have a name, 871 of them, in the same styles: above all what they are."""

from model.training.thing_parts import teaching

PART = teaching("many_things", "all")
