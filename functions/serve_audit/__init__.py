"""Shows compliance which person looked at which players.

Trigger: `GET /v1/audit` (API Gateway REST), behind `authorize_requests`.
Does: reads the audit log of the caller's own property, a UTC day at a time, the newest look first;
what a person is shown of it is itself a look, kept before the answer.
Emits: JSON, never cached, or problem details with a correlation id; a look in the audit log;
metrics AuditShown, QueriesRefused.
"""
