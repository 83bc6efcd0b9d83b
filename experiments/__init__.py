"""Jobs, each `python -m experiments.<job>`: experiments as data, runner, store and reports."""
