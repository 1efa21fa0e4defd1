"""The commands of ``tanger``, except ``serve``."""
