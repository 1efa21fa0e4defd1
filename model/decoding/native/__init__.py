"""The greedy decode as compiled C, for those who have it compiled."""
