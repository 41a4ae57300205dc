"""Where users find what is public."""


def publish(module: str, *objects: object) -> None:
    """Make classes and functions say that they live in `module`, where users import them.

    Tracebacks, links and new pickles then name the public address, which stays when a file inside is renamed. Pickles
    that name the file still load, for as long as it is there.
    """
    for public in objects:
        public.__module__ = module
