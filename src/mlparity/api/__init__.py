"""The public functions; each composes stages and owns no arithmetic.

They stand in `__init__.pyi`. A function's stages are imported when it is first asked for: showing a record needs
neither torch nor coremltools.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
