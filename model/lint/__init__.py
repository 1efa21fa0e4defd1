"""Find errors in lexicons: suspicious entries, with reasons and suggestions."""
