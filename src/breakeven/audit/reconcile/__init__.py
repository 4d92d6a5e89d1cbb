"""Where two accounts of the same traffic differ, and why: functions over sums and requests, without files."""
