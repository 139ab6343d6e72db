"""CronJobs: a Job whenever the schedule is due (``pkg/controller/cronjob``). Pure."""
