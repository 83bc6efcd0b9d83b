"""What this project costs, against scripts by hand: what `experiments.bench` asks and measures."""
