"""What every service needs that answers HTTP: where it listens, who may ask, and a server that nobody can hold up."""
