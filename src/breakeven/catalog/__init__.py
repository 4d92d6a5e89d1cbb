"""Facts with source and date: loading, finding as of a day, checking."""
