"""Tests of qwenvl_cli.media on files made by the tests themselves."""
