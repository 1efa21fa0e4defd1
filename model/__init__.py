"""Words to phonemes: the network, its trainer and its decoder. Nothing of the web in here."""

__version__ = "0.1.0"
