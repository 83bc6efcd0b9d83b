"""One file for each countermeasure: the words, the frozen spec with every number stated, the formula, its source."""
