"""Event schemas, one module per device family, and the batch format of the stream."""
