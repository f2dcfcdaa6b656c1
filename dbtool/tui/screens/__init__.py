"""Whole screens: one database, the fleet, dialogs, the restore wizard."""
