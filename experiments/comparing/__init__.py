"""One experiment on every backend, compared with the definition: what `experiments.compare` asks and does."""
