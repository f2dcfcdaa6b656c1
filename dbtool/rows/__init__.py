"""Rows through time: compare them between snapshots, take them back, follow one of them."""
