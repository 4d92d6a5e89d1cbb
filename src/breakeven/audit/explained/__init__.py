"""Why a cost differs from the one promised: its factors on both sides, and an exact split of the difference. Pure."""
