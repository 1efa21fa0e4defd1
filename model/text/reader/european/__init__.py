"""Reading of texts in the languages of Europe, by a file of rules for each."""
