"""One file per command: flags to options, options to engine, answers to a writer."""
