"""The public import address of classes and functions."""


def publish(module: str, *objects: object) -> None:
    """Set ``__module__`` of classes and functions to `module`, from which users import them.

    Tracebacks, links and new pickles then name the public address, which survives when an internal file is renamed.
    Older pickles that name the internal file load as long as that file exists.
    """
    for public in objects:
        public.__module__ = module
