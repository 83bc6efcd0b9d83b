"""Where the packages of the wheel come from.

Inside it everything lies below `isograd`, so that nothing else is installed.
"""

from setuptools import find_packages, setup

INSIDE = ("common", "backends", "experiments")
FOUND = [name for name in find_packages() if name.partition(".")[0] in INSIDE]

setup(
    packages=["isograd", *(f"isograd.{name}" for name in FOUND)],
    package_dir={f"isograd.{name}": name for name in INSIDE},
    package_data={
        "": [
            "*.html",
            "*.css",
            "*.js",
            "catalogue/*.toml",
            "ledger/*.toml",
            "ledger/*.json",
            "names/*.toml",
            "native/*.py",
            "script/*.js",
        ]
    },
)
