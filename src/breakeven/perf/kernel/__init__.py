"""The simulator's event loop: functions that numba can compile and that plain Python runs as they stand.

They see only rows of `layout` by index; no objects are made per request. `build` makes the compiled form.
"""
