"""Recipes by name: the TOML files in this folder."""
