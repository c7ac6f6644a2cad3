"""ML Programs as frozen records: reading, checking and printing; no torch here."""
