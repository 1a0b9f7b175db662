"""Measurements beside other programs on the same weights; run by hand, since a busy machine proves nothing."""
