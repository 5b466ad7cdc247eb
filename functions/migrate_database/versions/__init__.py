"""The revisions of the database, each from the one before; made by `scripts/make-migration`."""
