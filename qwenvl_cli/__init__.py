"""The command line of qwenvl: everything a user sees, and no tensor outside `engine`."""
