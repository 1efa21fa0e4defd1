"""Training data for students: teachers, their soft labels, and additional spellings."""
