"""Pictures and clips from files or standard input, as RGB frames at the size the model sees."""
