"""American English: dictionaries converted to one notation, and folds of the words."""
