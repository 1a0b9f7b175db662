"""Tests; none needs a network or a GPU."""
