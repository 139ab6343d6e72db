"""Controllers of work that ends: Jobs and CronJobs."""
