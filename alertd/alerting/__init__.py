"""3. Verdicts become alerts: rules, lifecycle, muting, grouping. Pure: no I/O, no clock."""
