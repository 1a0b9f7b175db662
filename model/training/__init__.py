"""The recipe of the bundled model: world, questions, data, train, evaluate, export. Imported by nobody else."""
