"""Old rows moved into archives, rolled up, brought back; archives queried beside the table."""
