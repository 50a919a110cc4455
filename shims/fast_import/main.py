"""The program of an image: `sitecustomize.py` runs it, and calls `install` or `build`."""
from fast_import.builder import build
from fast_import.finders import install

__all__ = ["build", "install"]
