"""Token, energy, CO2 and cost accounting of AI agent evaluations.

The functions are in :mod:`smoltrace.utils`; the accounting itself is the same compiled
code that the ``smoltrace`` program runs.
"""

from smoltrace._native import __version__

__all__ = ["__version__"]
