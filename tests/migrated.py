"""The rooms that have a migration page, and the pages as they are written now."""

from __future__ import annotations

import pytest

from experiments.report import countermeasures, migration

ROOMS = countermeasures.rooms()
WRITTEN = migration.pages()
EACH_ROOM = pytest.mark.parametrize("room", ROOMS)
