"""American English: dictionaries brought to one notation, folds of words."""
