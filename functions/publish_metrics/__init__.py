"""Publishes live metrics of games, and tells of thresholds that are crossed.

Trigger: a schedule, every minute.
Does: sends the newest window that is over of each metric to CloudWatch; judges the windows of
metrics with a threshold in their order, and those of a crossing again, for late events may undo it.
Emits: metrics of the namespace Pitboss/Metrics; a message a crossing, its end or its correction to
the metrics topic (SNS); items `<property>/thresholds` of the metrics table; metrics
PropertiesPublished, PropertiesFailed, FiguresPut, NoticesTold, ThresholdsContended.

What is to be told is kept with where the threshold stands, until it is told: none is lost, and the
same is told again only where it is not known whether it was. Its `notice_id` stays.
"""
