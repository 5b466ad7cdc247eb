"""Adapters: the only modules that know DynamoDB, Kinesis and S3. They return domain types."""
