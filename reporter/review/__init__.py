"""Reviews a change of policies: which resources of a recorded run would be caught anew, and which let go."""
