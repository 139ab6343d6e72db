"""The spec of a Job, in Jobs and in the templates of CronJobs: defaults, validation, indexes, schedules. Pure.

Follows k8s.io/kubernetes ``pkg/apis/batch``.
"""
