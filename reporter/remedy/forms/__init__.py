"""The forms that a plan is written in: one module a form. None of them carries anything out."""
