"""Training lexicons of languages other than American English, from their dictionaries.

`definition` reads what is specific to a language from a TOML file in this folder, `notation` parses
pronunciations, `sources` combines the dictionaries of a language, `splits` makes training, dev and
test lexicons.
"""
