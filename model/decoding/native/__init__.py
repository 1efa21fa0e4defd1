"""The decode as compiled C, for every CPU that has it compiled."""
