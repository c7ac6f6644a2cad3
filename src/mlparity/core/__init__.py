"""The words of the project as frozen records, and the error types; standard library and numpy only."""
