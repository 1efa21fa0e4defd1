"""What students are trained on: teachers, their soft labels, more spellings."""
