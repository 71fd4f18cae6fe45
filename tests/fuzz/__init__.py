"""Coverage-guided fuzzing of whatever reads what peers and users send: `make fuzz`."""
