"""Jobs, each `python -m experiments.<job>`: experiments as data, the runner, the store and the reports."""
