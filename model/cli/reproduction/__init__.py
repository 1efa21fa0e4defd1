"""The shipped artifacts of American English, made anew from their sources, step by step."""
