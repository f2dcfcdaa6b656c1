"""The nightly job and its timer: steps under one lock, who hears of them, systemd and cron."""
