#!/bin/sh
# robfig/cron v3.0.1 (the schedules of Kubernetes' CronJobs, v1.37.2 included): a job at noon is not due on the days on
# which the clocks change, if they change at midnight east of Greenwich, or by half an hour.
#
# Documented is that times within the hour that is skipped are not run. Here the times exist, and the day is lost:
# - Where summer time begins at midnight (Egypt on Fridays, Lebanon on Sundays), there is no midnight, and time.Date
#   returns 01:00 east of Greenwich, 23:00 west of it. `SpecSchedule.Next` looks for a matching day by its midnights and
#   takes an hour from 01:00, which is the day before. So a day that the schedule names (a weekday, a day of the month)
#   is passed over. The library's tests have Sao Paulo, west of Greenwich. And as it sees that a day is over by its
#   midnight, Thursday's job at one runs on Friday too.
# - On Lord Howe Island clocks change by half an hour, both ways. `Next` goes on in whole hours from the hour that it is
#   asked in, to half past each, and never meets minute 0 again that day. Asked later that day it finds the job.
#
# Kubernetes asks for the next time after the last run, so a weekly job waits for two weeks, without a missed start.
#
# Seen:
#   Africa/Cairo        0 12 * * 5, after Fri 2025-04-18 12:00: Fri 2025-05-02 12:00
#   Africa/Cairo        0 1 * * 4, after Thu 2025-04-24 01:00: Fri 2025-04-25 01:00
#   Asia/Beirut         0 12 * * 0, after Sun 2025-03-23 12:00: Sun 2025-04-06 12:00
#   Australia/Lord_Howe 0 12 * * *, after Sat 2025-04-05 12:00: Mon 2025-04-07 12:00
#   Australia/Lord_Howe 0 12 * * *, after Sat 2025-10-04 12:00: Mon 2025-10-06 12:00
#   Australia/Lord_Howe 0 12 * * *, after Sun 2025-10-05 08:00: Sun 2025-10-05 12:00
#   Europe/Berlin       0 12 * * 0, after Sun 2025-03-23 12:00: Sun 2025-03-30 12:00
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'MOD'
module finding
go 1.22
require github.com/robfig/cron/v3 v3.0.1
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

const minute = "Mon 2006-01-02 15:04"

func main() {
	changed := false
	for _, each := range [][4]string{
		{"Africa/Cairo", "0 12 * * 5", "Fri 2025-04-18 12:00", "Fri 2025-05-02 12:00"},
		{"Africa/Cairo", "0 1 * * 4", "Thu 2025-04-24 01:00", "Fri 2025-04-25 01:00"},
		{"Asia/Beirut", "0 12 * * 0", "Sun 2025-03-23 12:00", "Sun 2025-04-06 12:00"},
		{"Australia/Lord_Howe", "0 12 * * *", "Sat 2025-04-05 12:00", "Mon 2025-04-07 12:00"},
		{"Australia/Lord_Howe", "0 12 * * *", "Sat 2025-10-04 12:00", "Mon 2025-10-06 12:00"},
		{"Australia/Lord_Howe", "0 12 * * *", "Sun 2025-10-05 08:00", "Sun 2025-10-05 12:00"},
		{"Europe/Berlin", "0 12 * * 0", "Sun 2025-03-23 12:00", "Sun 2025-03-30 12:00"},
	} {
		zone, err := time.LoadLocation(each[0])
		if err != nil {
			panic(err)
		}
		schedule, err := cron.ParseStandard("TZ=" + each[0] + " " + each[1])
		if err != nil {
			panic(err)
		}
		last, err := time.ParseInLocation(minute, each[2], zone)
		if err != nil {
			panic(err)
		}
		next := schedule.Next(last).Format(minute)
		fmt.Printf("%-19s %s, after %s: %s\n", each[0], each[1], each[2], next)
		changed = changed || next != each[3]
	}
	if changed {
		fmt.Println("robfig/cron has changed")
		os.Exit(1)
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .
