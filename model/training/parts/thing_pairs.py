"""Two pictures of everyday things: the same or not, what differs, in which of them a thing is, which has more."""

from model.training.thing_pairs import pairs_of

PART = pairs_of("thing_pairs", "cpu")
