"""The documentation as a site: the pages of `docs/`, and references made from the code, for `mkdocs build`."""
