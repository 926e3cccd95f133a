"""The suite `merging`: its trainings, its report, its targets and its plot."""
