"""What this project costs, against scripts written by hand: what `experiments.bench` asks and measures."""
