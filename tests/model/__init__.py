"""Tests of the network, its numbers and its inference path."""
